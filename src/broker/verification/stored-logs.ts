import { RpcError } from '../../rpc/index.ts';
import { storageRefusal } from '../../envelope/index.ts';
import type { Segment, Store, Tail } from '../../storage/index.ts';
import type { VerificationSink } from '../../verification/index.ts';

const readBytes = 1024 * 1024;

/** What `walkLogs` finds out about a segment; throws RpcError or EnvelopeError if it is damaged. */
export type SegmentCheck = (segment: Segment) => Promise<void>;

/** A log, whose it is, and how its segments are authenticated. */
export interface VerifiedLog {
  readonly log: number;
  readonly where: string;
  readonly check: SegmentCheck;
}

/**
 * Passes every segment that the logs hold now to their checks, in order. Segments that are trimmed
 * meanwhile are passed over; a hole that nobody trimmed is damage.
 */
export async function walkLogs(
  store: Store,
  logs: readonly VerifiedLog[],
  sink: VerificationSink,
  signal: AbortSignal,
): Promise<void> {
  const tails = await reached(store.tails(logs.map(({ log }) => log)));
  for (const { next, trim } of tails) sink.expect(next - trim);
  for (const [i, each] of logs.entries()) {
    if (!signal.aborted) await walkLog(store, each, tails[i]!, sink, signal);
  }
}

async function walkLog(
  store: Store,
  { log, where, check }: VerifiedLog,
  { trim, next: end }: Tail,
  sink: VerificationSink,
  signal: AbortSignal,
): Promise<void> {
  for (let at = trim; at < end && !signal.aborted;) {
    const segments = await reached(store.read(log, at, readBytes));
    for (const segment of segments) {
      if (segment.base > at) await noteHole(store, sink, { log, at, where, to: segment.base });
      const isThere = async (): Promise<boolean> =>
        (await tailOf(store, log)).trim < segment.base + segment.count;
      await checkOne(segment, sink, { where, check, isThere });
      at = segment.base + segment.count;
    }
    if (segments.length > 0) continue;
    const now = await tailOf(store, log);
    if (now.trim <= at) return sink.damaged(`${where} at ${at}`, 'what is stored ends too early');
    at = now.trim;
  }
}

/** Rows and segments that throw on authentication are damage; what a key forbids is not. */
export function noteFailure(
  error: unknown,
  sink: VerificationSink,
  where: string,
  count: number,
): void {
  const { code, message } = RpcError.from(error);
  const isEnvelope = isEnvelopeError(error);
  if (isEnvelope || code === 'DATA_LOSS') {
    sink.damaged(where, isEnvelope ? error.message : message);
  } else if (code === 'FAILED_PRECONDITION' || code === 'NOT_FOUND') {
    sink.unread(count, where, message);
  } else throw error;
}

interface CheckOptions {
  readonly where: string;
  readonly check: SegmentCheck;
  /** Whether the segment is stored still. */
  readonly isThere: () => Promise<boolean>;
}

async function checkOne(
  segment: Segment,
  sink: VerificationSink,
  { where, check, isThere }: CheckOptions,
): Promise<void> {
  try {
    await check(segment);
    sink.passed(segment.count, segment.body.length);
  } catch (error) {
    // A trim takes DEKs with it: what was read before it cannot be opened after it.
    if (!isEnvelopeError(error) && !(await isThere())) return;
    noteFailure(error, sink, `${where} at ${segment.base}`, segment.count);
  }
}

function isEnvelopeError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'EnvelopeError';
}

async function noteHole(
  store: Store,
  sink: VerificationSink,
  hole: { readonly log: number; readonly at: number; readonly to: number; readonly where: string },
): Promise<void> {
  const { trim } = await tailOf(store, hole.log);
  if (trim >= hole.to) return;
  sink.damaged(`${hole.where} at ${Math.max(hole.at, trim)}`, `nothing is stored up to ${hole.to}`);
}

async function tailOf(store: Store, log: number): Promise<Tail> {
  const [tail] = await reached(store.tails([log]));
  return tail!;
}

async function reached<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw storageRefusal(error);
  }
}
