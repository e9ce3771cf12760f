import { createHash } from 'node:crypto';

import { RpcError } from './rpc-error.ts';

const queryHashBytes = 12;

/** A page token that fits the query that it was given for, and no other. */
export function queryToken(query: string, places: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([queryHash(query), ...places])).toString('base64url');
}

/**
 * The places in a token of this query, unchecked: a token can be forged.
 *
 * @throws RpcError INVALID_ARGUMENT for what is no token of this query
 */
export function placesOfQueryToken(query: string, token: string): readonly unknown[] {
  const [hash, ...places] = tokenItems(token);
  if (hash === queryHash(query)) return places;
  throw badQueryToken();
}

/** The array in a token; empty for what is no token. */
export function tokenItems(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

export function badQueryToken(): RpcError {
  const text = 'page_token is not one of this query: all other fields must stay as they were';
  return new RpcError('INVALID_ARGUMENT', 'BAD_PAGE_TOKEN', text);
}

function queryHash(query: string): string {
  const hash = createHash('sha256').update(query).digest();
  return hash.subarray(0, queryHashBytes).toString('base64url');
}
