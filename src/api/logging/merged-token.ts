import { badQueryToken, placesOfQueryToken, queryToken } from '../../rpc/index.ts';

/** In each log where to go on; empty: from where the order begins; null: nothing more there. */
export type MergedPlaces = readonly (string | null)[];

/** A token fits the query that it was given for, and no other; empty if no log has more. */
export function tokenOf(query: string, places: MergedPlaces): string {
  return places.every((place) => place === null) ? '' : queryToken(query, places);
}

/** @throws RpcError INVALID_ARGUMENT for what is no token of this query */
export function placesOfToken(query: string, token: string, count: number): MergedPlaces {
  if (token === '') return Array.from({ length: count }, () => '');
  const places = placesOfQueryToken(query, token);
  if (places.length === count && places.every(isPlace)) return places as MergedPlaces;
  throw badQueryToken();
}

function isPlace(value: unknown): boolean {
  return value === null || (typeof value === 'string' && value.length <= 1_000);
}
