import type { AeadKey } from '../../crypto/index.ts';
import { InvariantError } from '../../runtime/index.ts';
import type { LogId, Segment, Store } from '../../storage/index.ts';
import { openAuditSegment, type OpenedEntry } from './audit-segment.ts';
import { type ChainName, chainLogs } from './stored-entry.ts';

const readBytes = 256 * 1024;

/** Sequences of which nothing readable is stored: `from` .. `below` - 1. */
export interface Hole {
  readonly from: number;
  readonly below: number;
}

/** A stored segment with its entries opened. The next one, or a hole, begins at `below`. */
export interface ScannedSegment {
  readonly segment: Segment;
  readonly entries: readonly OpenedEntry[];
  /** All of it is as it was written. */
  readonly isWhole: boolean;
  readonly below: number;
}

/** What is read: `from` .. `below` - 1 of one chain. */
export interface ScanRange extends Hole {
  readonly chain: ChainName;
}

/**
 * The segments from the one that holds `from` to the one that holds `below` - 1, in order, and the
 * holes between them. What is damaged or gone never hides what comes after it: where an entry does
 * not open, the segment's count is not trusted, and the next stored segment is looked for.
 */
export async function* scanSegments(
  { store, key }: { readonly store: Store; readonly key: AeadKey },
  { chain, from, below }: ScanRange,
): AsyncGenerator<ScannedSegment | Hole> {
  const log = chainLogs[chain];
  let at = from;
  while (at < below) {
    const found = await segmentsAt(store, log, at);
    if (found.length === 0) {
      const next = await firstReadableAfter(store, log, at, below);
      yield { from: at, below: next };
      at = next;
    }
    for (const segment of found) {
      if (segment.base >= below) return;
      if (segment.base > at) yield { from: at, below: segment.base };
      const { entries, isWhole } = openAuditSegment(chain, segment, key);
      at = isWhole
        ? segment.base + segment.count
        : await firstReadableAfter(store, log, segment.base, below);
      yield { segment, entries, isWhole, below: at };
      if (!isWhole) break;
    }
  }
}

/** Readable segments from the one that holds `at`; none if there is a hole, or damage. */
async function segmentsAt(store: Store, log: LogId, at: number): Promise<Segment[]> {
  const segments = await readOrNone(store, log, at, readBytes);
  const first = segments.findIndex(({ base, count }) => base + count > at);
  return first === -1 ? [] : segments.slice(first);
}

/** Base of the next readable segment above `at`, or `below`: gallops, then halves the distance. */
async function firstReadableAfter(
  store: Store,
  log: LogId,
  at: number,
  below: number,
): Promise<number> {
  const baseFrom = async (from: number): Promise<number> => {
    const [segment] = await readOrNone(store, log, from, 0);
    return segment !== undefined && segment.base > at ? segment.base : -1;
  };
  let low = at;
  for (let step = 1; at + step < below; step *= 2) {
    const base = await baseFrom(at + step);
    if (base > at) return await lowestBase(baseFrom, low, at + step, base);
    low = at + step;
  }
  const last = below - 1 > low ? await baseFrom(below - 1) : -1;
  return last > at ? await lowestBase(baseFrom, low, below - 1, last) : below;
}

/** Between `low`, where there is none, and `high`, where `found` is: the base of the first one. */
async function lowestBase(
  baseFrom: (from: number) => Promise<number>,
  low: number,
  high: number,
  found: number,
): Promise<number> {
  let best = found;
  let [under, over] = [low, Math.min(high, found)];
  while (over - under > 1) {
    const middle = Math.floor((under + over) / 2);
    const base = await baseFrom(middle);
    if (base === -1) under = middle;
    else {
      best = base;
      over = Math.min(middle, base);
    }
  }
  return best;
}

async function readOrNone(
  store: Store,
  log: LogId,
  from: number,
  bytesMax: number,
): Promise<Segment[]> {
  try {
    return await store.read(log, from, bytesMax);
  } catch (error) {
    // The engine's own checks of what is stored: damage, not a fault of the disk.
    if (error instanceof InvariantError || error instanceof RangeError) return [];
    throw error;
  }
}
