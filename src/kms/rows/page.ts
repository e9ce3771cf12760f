import { argumentError } from '../kms-error.ts';
import type { Table } from './records.ts';
import type { Row, SealedRows } from './sealed-rows.ts';

const pageSizeDefault = 100;
const pageSizeMax = 1000;
/** Longer than any token that was given out. */
const pageTokenLengthMax = 1400;

export interface PageRequest {
  /** 0: the default, 100; above 1000 counts as 1000. */
  readonly pageSize: number;
  /** Empty: the first page. Good only for the parent that it was given for. */
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/**
 * One page of the rows whose ids start with `under`, in byte order of their ids.
 *
 * @throws RpcError INVALID_ARGUMENT on a negative size, or a token of another list.
 */
export async function pageOfRows<T>(
  rows: SealedRows,
  table: Table<T>,
  under: string,
  request: PageRequest,
): Promise<Page<Row<T>>> {
  const size = pageSizeOf(request.pageSize);
  const after = placeOf(request.pageToken, table, under);
  const found = await rows.list(table, under, {
    limit: size + 1,
    ...(after !== null && { after }),
  });
  const items = found.slice(0, size);
  const last = items.at(-1);
  const hasMore = found.length > size && last !== undefined;
  return { items, nextPageToken: hasMore ? tokenOf(table, last.id) : '' };
}

function pageSizeOf(asked: number): number {
  if (!Number.isInteger(asked) || asked < 0) {
    throw argumentError('page_size', 'Request field page_size must not be negative.');
  }
  return asked === 0 ? pageSizeDefault : Math.min(asked, pageSizeMax);
}

function tokenOf<T>(table: Table<T>, lastId: string): string {
  return Buffer.from(table.prefix + lastId).toString('base64url');
}

/** The row id after which the page begins; null: at the start. */
function placeOf<T>(token: string, table: Table<T>, under: string): string | null {
  if (token === '') return null;
  const place = Buffer.from(token, 'base64url').toString();
  const isCanonical =
    token.length <= pageTokenLengthMax && Buffer.from(place).toString('base64url') === token;
  if (isCanonical && place.startsWith(table.prefix + under))
    return place.slice(table.prefix.length);
  throw argumentError('page_token', 'Request field page_token is invalid.');
}
