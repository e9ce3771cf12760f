import { argumentError } from '../kms-error.ts';
import { type Filter, type FilterFields, listFilter } from '../lists/list-filter.ts';
import type { Table } from './records.ts';
import type { Row, SealedRows } from './sealed-rows.ts';

const pageSizeDefault = 100;
const pageSizeMax = 1000;
/** Longer than any token that was given out. */
const pageTokenLengthMax = 1400;
/** Rows that a filtered list reads at a time. */
const scanLimit = 200;

export interface PageRequest {
  /** 0: the default, 100; above 1000 counts as 1000. */
  readonly pageSize: number;
  /** Empty: the first page. Good only for the parent and the order that it was given for. */
  readonly pageToken: string;
  /** See listFilter; empty: everything. */
  readonly filter?: string;
  /** `name`, `name asc` or `name desc`; empty: by name. */
  readonly orderBy?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** How rows become what a list holds. */
export interface ListShape<R, T> {
  readonly fields: FilterFields<T>;
  readonly view: (row: Row<R>) => T | Promise<T>;
}

interface Found<T> {
  readonly id: string;
  readonly item: T;
}

/**
 * One page of the rows whose ids start with `under`, in byte order of their ids or against it.
 *
 * @throws RpcError INVALID_ARGUMENT on a negative size, a token of another list, a filter or an
 * order that is none
 */
export async function pageOfRows<R, T>(
  rows: SealedRows,
  table: Table<R>,
  under: string,
  request: PageRequest,
  shape: ListShape<R, T>,
): Promise<Page<T>> {
  const size = pageSizeOf(request.pageSize);
  const filter = listFilter(request.filter ?? '', shape.fields);
  const isDescending = isDescendingOrder(request.orderBy ?? '');
  const mark = `${isDescending ? '>' : ''}${table.prefix}`;
  const place = placeOf(request.pageToken, mark, under);
  const scan = { rows, table, under, filter, view: shape.view, isPlain: !request.filter };
  const found = isDescending
    ? await lastBefore(scan, place, size + 1)
    : await firstAfter(scan, place, size + 1);
  const shown = found.slice(0, size);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    nextPageToken: found.length > size && last ? tokenOf(mark + last.id) : '',
  };
}

interface Scan<R, T> {
  readonly rows: SealedRows;
  readonly table: Table<R>;
  readonly under: string;
  readonly filter: Filter<T>;
  readonly view: (row: Row<R>) => T | Promise<T>;
  /** Nothing is filtered: one read is enough. */
  readonly isPlain: boolean;
}

async function firstAfter<R, T>(
  scan: Scan<R, T>,
  after: string | null,
  count: number,
): Promise<Found<T>[]> {
  const found: Found<T>[] = [];
  for await (const one of matches(scan, after, scan.isPlain ? count : scanLimit)) {
    found.push(one);
    if (found.length === count) break;
  }
  return found;
}

/** The store reads forwards only: all is looked through, and no more kept than is asked for. */
async function lastBefore<R, T>(
  scan: Scan<R, T>,
  before: string | null,
  count: number,
): Promise<Found<T>[]> {
  const kept: Found<T>[] = [];
  for await (const one of matches(scan, null, scanLimit)) {
    if (before !== null && Buffer.compare(Buffer.from(one.id), Buffer.from(before)) >= 0) break;
    kept.push(one);
    if (kept.length > count) kept.shift();
  }
  return kept.toReversed();
}

async function* matches<R, T>(
  { rows, table, under, filter, view }: Scan<R, T>,
  start: string | null,
  limit: number,
): AsyncGenerator<Found<T>> {
  let after = start;
  while (true) {
    const found = await rows.list(table, under, { limit, ...(after !== null && { after }) });
    for (const row of found) {
      const item = await view(row);
      if (filter(item)) yield { id: row.id, item };
    }
    if (found.length < limit) return;
    after = found.at(-1)!.id;
  }
}

function pageSizeOf(asked: number): number {
  if (!Number.isInteger(asked) || asked < 0) {
    throw argumentError('page_size', 'Request field page_size must not be negative.');
  }
  return asked === 0 ? pageSizeDefault : Math.min(asked, pageSizeMax);
}

function isDescendingOrder(orderBy: string): boolean {
  const order = orderBy.trim().replaceAll(/\s+/g, ' ');
  if (order === 'name desc') return true;
  if (order === '' || order === 'name' || order === 'name asc') return false;
  const message =
    "Request field order_by must be 'name' or 'name desc': lists are ordered by name.";
  throw argumentError('order_by', message);
}

function tokenOf(place: string): string {
  return Buffer.from(place).toString('base64url');
}

/** The row id at which the page before ended; null: the first page. */
function placeOf(token: string, mark: string, under: string): string | null {
  if (token === '') return null;
  const place = Buffer.from(token, 'base64url').toString();
  const isCanonical =
    token.length <= pageTokenLengthMax && Buffer.from(place).toString('base64url') === token;
  if (isCanonical && place.startsWith(mark + under)) return place.slice(mark.length);
  throw argumentError('page_token', 'Request field page_token is invalid.');
}
