import { createHash } from 'node:crypto';

import { RpcError } from '../../rpc/index.ts';
import { type ChainName, chainNames } from '../chain/stored-entry.ts';

/**
 * Where a search goes on: in each log the next sequence (oldest first), or the one above the next
 * (newest first). Sequences never move, so a token outlives inserts and trims.
 */
export type SearchPlace = Readonly<Record<ChainName, number>>;

const queryHashBytes = 12;

/** A token fits the query that it was given for, and no other. */
export function searchToken(query: string, place: SearchPlace): string {
  const places = chainNames.map((name) => place[name]);
  return Buffer.from(JSON.stringify([queryHash(query), ...places])).toString('base64url');
}

/** @throws RpcError INVALID_ARGUMENT for what is no token of this query */
export function placeOfToken(query: string, token: string): SearchPlace {
  const [hash, activity, dataAccess] = parsed(token);
  if (hash === queryHash(query) && isPlace(activity) && isPlace(dataAccess)) {
    return { activity, data_access: dataAccess };
  }
  const text = 'page_token is not one of this query: all other fields must stay as they were';
  throw new RpcError('INVALID_ARGUMENT', 'BAD_PAGE_TOKEN', text);
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function parsed(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function queryHash(query: string): string {
  const hash = createHash('sha256').update(query).digest();
  return hash.subarray(0, queryHashBytes).toString('base64url');
}
