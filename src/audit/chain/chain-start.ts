import type { Logger } from '../../runtime/index.ts';
import type { Store, Tail } from '../../storage/index.ts';
import type { AnchorKeeper, Incident } from './anchor.ts';
import type { ChainEnd } from './audit-segment.ts';
import type { AeadKey } from '../../crypto/index.ts';
import type { IdPlace, RecentIds } from './recent-ids.ts';
import { type ChainName, chainLogs, entryHash, entryOf, noHash } from './stored-entry.ts';
import { scanSegments } from './segment-scan.ts';

export interface ChainStart {
  readonly store: Store;
  readonly key: AeadKey;
  readonly anchors: AnchorKeeper;
  readonly ids: RecentIds;
  readonly nowMs: number;
  readonly log: Logger;
}

/** So many of the last entries are looked at for ids: the anchor may be older than the tail. */
const tailEntries = 1024;

/**
 * Finds the end of a chain as its log holds it, and compares it with the anchor: what the anchor
 * knows and the log lacks becomes an incident, which every verification tells from then on.
 */
export async function startChain(name: ChainName, start: ChainStart): Promise<ChainEnd> {
  const { store, anchors } = start;
  const [tail] = await store.tails([chainLogs[name]]);
  const last = await readTail(name, tail!, start);
  const end = {
    next: tail!.next,
    hash: last ?? (anchors.anchor(name).next === tail!.next ? anchors.anchor(name).hash : noHash),
    // A damaged segment may claim any time.
    timeMs: last === null ? Math.min(tail!.timeMs, start.nowMs) : tail!.timeMs,
  };
  compare(name, end, start);
  anchors.set(name, { next: end.next, hash: end.hash });
  if (anchors.anchor(name).trim > end.next) anchors.set(name, { trim: end.next, trusted: noHash });
  return end;
}

function compare(name: ChainName, end: ChainEnd, { anchors, nowMs, log }: ChainStart): void {
  const known = anchors.anchor(name);
  const incident = ((): Omit<Incident, 'chain' | 'timeMs'> | null => {
    if (anchors.found !== 'read') {
      const isNew = anchors.found === 'absent' && end.next === 0;
      return isNew ? null : { kind: 'anchor', from: 0, below: end.next };
    }
    if (known.next > end.next) return { kind: 'truncated', from: end.next, below: known.next };
    if (known.next < end.next || Buffer.compare(known.hash, end.hash) === 0) return null;
    return { kind: 'replaced', from: known.trim, below: end.next };
  })();
  if (incident === null) return;
  log.error({ chain: name, ...incident }, 'The audit log is not as it was left');
  anchors.note({ ...incident, chain: name, timeMs: nowMs });
}

/** Remembers the ids of the tail. The hash of the last entry, or null if it does not open. */
async function readTail(
  name: ChainName,
  tail: Tail,
  { store, key, ids }: ChainStart,
): Promise<Uint8Array | null> {
  if (tail.next === 0) return noHash;
  const from = Math.max(tail.trim, tail.next - tailEntries);
  let hash: Uint8Array | null = null;
  const range = { chain: name, from, below: tail.next };
  for await (const part of scanSegments({ store, key }, range)) {
    hash = null;
    if (!('segment' in part)) continue;
    for (const { opened } of part.entries) {
      hash = opened === null ? null : entryHash(opened);
      const stored = opened === null ? null : entryOf(opened.content);
      if (stored?.id != null) ids.add(stored.id, placeOf(stored.entry));
    }
  }
  return hash;
}

function placeOf({ insertId, timeMs }: IdPlace): IdPlace {
  return { insertId, timeMs };
}
