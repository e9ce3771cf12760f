import type { AeadKey } from '../../crypto/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { type Append, type Segment, segmentKinds } from '../../storage/index.ts';
import type { AuditEntry, LoggedEntry } from '../audit-entry.ts';
import {
  boundedEntry,
  type ChainedEntry,
  type ChainName,
  chainLogs,
  contentOf,
  type EntryPlace,
  entryHash,
  insertIdOf,
  openEntry,
  sealEntry,
} from './stored-entry.ts';

const lengthBytes = 4;
const segmentIdBytes = 16;

/** Nobody else writes these logs, so their epoch never moves. */
const epoch = 0;

/** Where a chain ends: the next sequence, the hash of the entry before it, that entry's time. */
export interface ChainEnd {
  readonly next: number;
  readonly hash: Uint8Array;
  readonly timeMs: number;
}

/** An entry that is to be written, and the id that makes it once only. */
export interface NewEntry {
  readonly entry: AuditEntry;
  readonly id: string | undefined;
}

/** One segment, ready to be stored, and what follows from it. */
export interface SealedSegment {
  readonly append: Append;
  readonly entries: readonly LoggedEntry[];
  readonly end: ChainEnd;
}

/** The entries as the next segment of a chain: body = (u32be length ‖ sealed entry) of each. */
export function sealSegment(
  chain: ChainName,
  from: ChainEnd,
  added: readonly NewEntry[],
  how: { readonly key: AeadKey; readonly entropy: Entropy; readonly timeMs: number },
): SealedSegment {
  const { key, entropy, timeMs } = how;
  const segmentId = draw(entropy, segmentIdBytes);
  const place = { chain, base: from.next, count: added.length, epoch, timeMs, segmentId };
  const entries: LoggedEntry[] = [];
  const parts: Uint8Array[] = [];
  let previous = from.hash;
  for (const { entry, id } of added) {
    const sequence = from.next + entries.length;
    const logged = { ...boundedEntry(entry), insertId: insertIdOf(chain, sequence), timeMs };
    const chained = { previous, content: contentOf(logged, id) };
    const sealed = sealEntry(key, chained, { ...place, sequence }, entropy);
    parts.push(lengthOf(sealed), sealed);
    entries.push(logged);
    previous = entryHash(chained);
  }
  return {
    append: {
      log: chainLogs[chain],
      at: from.next,
      epoch,
      id: segmentId,
      count: added.length,
      timeMs,
      kind: segmentKinds.audit,
      body: new Uint8Array(Buffer.concat(parts)),
    },
    entries,
    end: { next: from.next + added.length, hash: previous, timeMs },
  };
}

/** An entry of a stored segment; null where it does not open. */
export interface OpenedEntry {
  readonly sequence: number;
  readonly opened: ChainedEntry | null;
}

/**
 * The entries of a stored segment. Those that were changed are null; where even their number is in
 * doubt the list is as long as the segment says, up to what its bytes can hold.
 */
export function openAuditSegment(
  chain: ChainName,
  segment: Segment,
  key: AeadKey,
): { readonly entries: readonly OpenedEntry[]; readonly isWhole: boolean } {
  const { parts, isWhole } = partsOf(segment);
  const entries = parts.map((sealed, index) => {
    const place = placeOf(chain, segment, index);
    const opened = sealed === null ? null : openEntry(key, sealed, place);
    return { sequence: place.sequence, opened };
  });
  return { entries, isWhole: isWhole && entries.every(({ opened }) => opened !== null) };
}

function placeOf(chain: ChainName, segment: Segment, index: number): EntryPlace {
  const { base, count, timeMs, id } = segment;
  const sequence = base + index;
  return { chain, sequence, base, count, epoch: segment.epoch, timeMs, segmentId: id };
}

/** Exactly `count` parts that fill the body; else as many as fit, and null for what is left. */
function partsOf({ body, count, kind }: Segment): {
  parts: (Uint8Array | null)[];
  isWhole: boolean;
} {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const parts: (Uint8Array | null)[] = [];
  let at = 0;
  while (parts.length < count && at + lengthBytes <= body.length) {
    const end = at + lengthBytes + view.getUint32(at);
    if (end > body.length) break;
    parts.push(body.subarray(at + lengthBytes, end));
    at = end;
  }
  const isWhole = parts.length === count && at === body.length && kind === segmentKinds.audit;
  if (!isWhole) parts.push(null);
  return { parts, isWhole };
}

function lengthOf(sealed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  new DataView(bytes.buffer).setUint32(0, sealed.length);
  return bytes;
}
