import type { AeadKey } from '../../crypto/index.ts';
import type { Logger } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import { serviceNameOf } from '../services/service.ts';
import type { KeptLog, KeptSegment } from './kept-log.ts';
import { openLines, timeOfInsertId } from './log-segment.ts';
import type { LoggedServiceEntry, ServiceLogs } from './service-logs.ts';
import { segmentAt } from './stored-segments.ts';

export type ReadRequest = Parameters<ServiceLogs['read']>[0];

export interface LogReaderPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly log: Logger;
}

/** Entries of several logs in one order. Of each no more is opened than the answer can need. */
export async function readLogs(
  logs: readonly KeptLog[],
  request: ReadRequest,
  ports: LogReaderPorts,
): Promise<readonly LoggedServiceEntry[]> {
  const bounded = withAfter(request);
  let found: readonly LoggedServiceEntry[] = [];
  for (const log of logs) {
    const more = await readLog(log, bounded, ports);
    found = merged(found, more, bounded).slice(0, request.limit);
  }
  return found;
}

/** What `after` says of the time: segments before it need not be opened. */
function withAfter(request: ReadRequest): ReadRequest {
  const ms = request.after === undefined ? null : timeOfInsertId(request.after);
  if (ms === null) return request;
  return request.order === 'asc'
    ? { ...request, fromMs: Math.max(request.fromMs, ms) }
    : { ...request, toMs: Math.min(request.toMs, ms) };
}

async function readLog(
  log: KeptLog,
  request: ReadRequest,
  ports: LogReaderPorts,
): Promise<LoggedServiceEntry[]> {
  const found: LoggedServiceEntry[] = [];
  const isAscending = request.order === 'asc';
  const segments = touched(log.segments, request);
  for (const segment of isAscending ? segments : segments.toReversed()) {
    const entries = (await opened(log, segment, ports)).filter((entry) => isAsked(entry, request));
    found.push(...(isAscending ? entries : entries.toReversed()));
    if (found.length >= request.limit) return found.slice(0, request.limit);
  }
  return found;
}

/** Segments that may hold lines of the time; a line is not before the end of the segment ahead. */
function touched(
  segments: readonly KeptSegment[],
  { fromMs, toMs }: ReadRequest,
): readonly KeptSegment[] {
  const from = firstIndex(segments, ({ timeMs }) => timeMs >= fromMs);
  const below = firstIndex(segments, ({ timeMs }) => timeMs > toMs);
  return segments.slice(from, below + 1);
}

/** Of what is false first and then true; the length if it is never true. */
function firstIndex(
  segments: readonly KeptSegment[],
  isReached: (segment: KeptSegment) => boolean,
): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isReached(segments[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** None of a segment that was trimmed meanwhile, or that does not open. */
async function opened(
  log: KeptLog,
  { base }: KeptSegment,
  { store, key, log: logger }: LogReaderPorts,
): Promise<readonly LoggedServiceEntry[]> {
  const segment = await segmentAt(store, log.id, base);
  if (segment === null) return [];
  const entries = openLines(segment, log.service, key);
  if (entries !== null) return entries;
  logger.error({ service: serviceNameOf(log.service), base }, 'stored log lines are damaged');
  return [];
}

function isAsked(
  { timeMs, insertId }: LoggedServiceEntry,
  { fromMs, toMs, after, order }: ReadRequest,
): boolean {
  if (timeMs < fromMs || timeMs > toMs) return false;
  if (after === undefined) return true;
  return order === 'asc' ? insertId > after : insertId < after;
}

function merged(
  left: readonly LoggedServiceEntry[],
  right: readonly LoggedServiceEntry[],
  { order }: ReadRequest,
): LoggedServiceEntry[] {
  const sign = order === 'asc' ? 1 : -1;
  return [...left, ...right].toSorted((a, b) => (a.insertId < b.insertId ? -sign : sign));
}
