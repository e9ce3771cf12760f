import { badQueryToken, placesOfQueryToken, queryToken } from '../../rpc/index.ts';
import { type ChainName, chainNames } from '../chain/stored-entry.ts';

/**
 * Where a search goes on: in each log the next sequence (oldest first), or the one above the next
 * (newest first). Sequences never move, so a token outlives inserts and trims.
 */
export type SearchPlace = Readonly<Record<ChainName, number>>;

/** A token fits the query that it was given for, and no other. */
export function searchToken(query: string, place: SearchPlace): string {
  return queryToken(
    query,
    chainNames.map((name) => place[name]),
  );
}

/** @throws RpcError INVALID_ARGUMENT for what is no token of this query */
export function placeOfToken(query: string, token: string): SearchPlace {
  const [activity, dataAccess] = placesOfQueryToken(query, token);
  if (isPlace(activity) && isPlace(dataAccess)) return { activity, data_access: dataAccess };
  throw badQueryToken();
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
