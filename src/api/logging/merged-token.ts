import { createHash } from 'node:crypto';

import { RpcError } from '../../rpc/index.ts';

/** In each log where to go on; empty: from where the order begins; null: nothing more there. */
export type MergedPlaces = readonly (string | null)[];

const queryHashBytes = 12;

/** A token fits the query that it was given for, and no other; empty if no log has more. */
export function tokenOf(query: string, places: MergedPlaces): string {
  if (places.every((place) => place === null)) return '';
  return Buffer.from(JSON.stringify([queryHash(query), ...places])).toString('base64url');
}

/** @throws RpcError INVALID_ARGUMENT for what is no token of this query */
export function placesOfToken(query: string, token: string, count: number): MergedPlaces {
  if (token === '') return Array.from({ length: count }, () => '');
  const [hash, ...places] = parsed(token);
  const isOurs = hash === queryHash(query) && places.length === count && places.every(isPlace);
  if (isOurs) return places as MergedPlaces;
  const text = 'page_token is not one of this query: all other fields must stay as they were';
  throw new RpcError('INVALID_ARGUMENT', 'BAD_PAGE_TOKEN', text);
}

function isPlace(value: unknown): boolean {
  return value === null || (typeof value === 'string' && value.length <= 1_000);
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
