import { argumentError } from '../kms-error.ts';
import { type Filter, type FilterFields, listFilter } from '../lists/list-filter.ts';
import type { KmsContext } from '../kms-context.ts';
import type { Table } from './records.ts';
import type { Row } from './sealed-rows.ts';

const pageSizeDefault = 100;
const pageSizeMax = 1000;
/** Longer than any token that was given out. */
const pageTokenLengthMax = 1400;
/** Rows that a filtered list reads at a time. */
const scanLimit = 200;
/** Rows that a filtered page looks through: then it ends with what was found, if anything. */
const scannedMax = 20_000;

/** Where rows are, and the clock of the event loop that a long list must not hold up. */
export type ListContext = Pick<KmsContext, 'rows' | 'clock'>;

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
  /** Empty on the last page. A page may be empty and yet not be the last. */
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
  context: ListContext,
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
  const scan = { context, table, under, filter, view: shape.view, isPlain: !request.filter };
  const { found, cutAt } = isDescending
    ? await lastBefore(scan, place, size + 1)
    : await firstAfter(scan, place, size + 1);
  const shown = found.slice(0, size);
  const nextAfter = found.length > size ? shown.at(-1)!.id : cutAt;
  return {
    items: shown.map(({ item }) => item),
    nextPageToken: nextAfter === null ? '' : tokenOf(mark + nextAfter),
  };
}

interface Scan<R, T> {
  readonly context: ListContext;
  readonly table: Table<R>;
  readonly under: string;
  readonly filter: Filter<T>;
  readonly view: (row: Row<R>) => T | Promise<T>;
  /** Nothing is filtered: one read is enough. */
  readonly isPlain: boolean;
}

interface FoundRows<T> {
  readonly found: readonly Found<T>[];
  /** The last row that was looked at, if there may be more; null: all were, or `found` is full. */
  readonly cutAt: string | null;
}

async function firstAfter<R, T>(
  scan: Scan<R, T>,
  after: string | null,
  count: number,
): Promise<FoundRows<T>> {
  const found: Found<T>[] = [];
  let scanned = 0;
  for await (const batch of batches(scan, after, scan.isPlain ? count : scanLimit)) {
    found.push(...(await matching(scan, batch)));
    scanned += batch.length;
    if (found.length >= count) return { found: found.slice(0, count), cutAt: null };
    if (scanned >= scannedMax) return { found, cutAt: batch.at(-1)!.id };
  }
  return { found, cutAt: null };
}

/** The store reads forwards only: all is looked through, and no more kept than is asked for. */
async function lastBefore<R, T>(
  scan: Scan<R, T>,
  before: string | null,
  count: number,
): Promise<FoundRows<T>> {
  let kept: Found<T>[] = [];
  for await (const batch of batches(scan, null, scanLimit)) {
    const earlier = before === null ? batch : batch.filter(({ id }) => isBelow(id, before));
    kept = [...kept, ...(await matching(scan, earlier))].slice(-count);
    if (earlier.length < batch.length) break;
  }
  return { found: kept.toReversed(), cutAt: null };
}

async function matching<R, T>(
  { filter, view }: Scan<R, T>,
  rows: readonly Row<R>[],
): Promise<Found<T>[]> {
  const found: Found<T>[] = [];
  for (const row of rows) {
    const item = await view(row);
    if (filter(item)) found.push({ id: row.id, item });
  }
  return found;
}

/** Rows as they are read, none empty. Between two reads others have their turn. */
async function* batches<R, T>(
  { context: { rows, clock }, table, under }: Scan<R, T>,
  start: string | null,
  limit: number,
): AsyncGenerator<Row<R>[]> {
  let after = start;
  while (true) {
    const batch = await rows.list(table, under, { limit, ...(after !== null && { after }) });
    if (batch.length > 0) yield batch;
    if (batch.length < limit) return;
    after = batch.at(-1)!.id;
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
  }
}

function isBelow(id: string, other: string): boolean {
  return Buffer.compare(Buffer.from(id), Buffer.from(other)) < 0;
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
