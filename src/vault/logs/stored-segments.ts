import { InvariantError } from '../../runtime/index.ts';
import type { LogId, Segment, Store } from '../../storage/index.ts';

const pageBytes: number = 1024 * 1024;

/** A stored segment, or null past the last one. */
export interface WalkedSegment {
  readonly segment: Segment | null;
  /** From where on segments are missing ahead of it; null: it is where it belongs. */
  readonly missingFrom: number | null;
}

/** All segments that a log holds now, in order. What is damaged or gone hides nothing behind it. */
export async function* walkSegments(store: Store, log: LogId): AsyncGenerator<WalkedSegment> {
  const [tail] = await store.tails([log]);
  const next = tail?.next ?? 0;
  let expected = tail?.trim ?? 0;
  for (let at = expected; at < next;) {
    const page = await pageAt(store, log, at);
    for (const segment of page) {
      yield { segment, missingFrom: segment.base > expected ? expected : null };
      expected = segment.base + segment.count;
    }
    at = page.length > 0 ? expected : at + 1;
  }
  if (expected < next) yield { segment: null, missingFrom: expected };
}

/** The segment that begins at `base`; null if it is gone or no segment. */
export async function segmentAt(store: Store, log: LogId, base: number): Promise<Segment | null> {
  const [first] = await readOrNone(store, log, base, 0);
  return first?.base === base ? first : null;
}

/** Segments from the one that begins at or behind `at`; none where that cannot be read. */
async function pageAt(store: Store, log: LogId, at: number): Promise<Segment[]> {
  return (await readOrNone(store, log, at, pageBytes)).filter(({ base }) => base >= at);
}

/** A record that is no segment is as good as none. */
async function readOrNone(
  store: Store,
  log: LogId,
  from: number,
  bytesMax: number,
): Promise<Segment[]> {
  try {
    return await store.read(log, from, bytesMax);
  } catch (error) {
    if (error instanceof InvariantError) return [];
    throw error;
  }
}
