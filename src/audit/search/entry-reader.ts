import type { LoggedEntry } from '../audit-entry.ts';
import { scanSegments, type ScannedSegment, type ScanRange } from '../chain/segment-scan.ts';
import { entryOf } from '../chain/stored-entry.ts';
import type { SearchPorts } from './entry-search.ts';

/** An entry and its place in its log. */
export interface PlacedEntry {
  readonly sequence: number;
  readonly entry: LoggedEntry;
}

/** Sequences that are read at once, newest first. */
const windowEntries = 256;

/** The readable entries of a range, oldest first. */
export async function* entriesUp(
  ports: SearchPorts,
  range: ScanRange,
): AsyncGenerator<PlacedEntry> {
  for await (const part of scanSegments(ports, range)) {
    if ('segment' in part) yield* readableOf(part, range);
    await turn(ports);
  }
}

/** The readable entries of a range, newest first. */
export async function* entriesDown(
  ports: SearchPorts,
  { chain, from, below }: ScanRange,
): AsyncGenerator<PlacedEntry> {
  for (let end = below; end > from; end = Math.max(from, end - windowEntries)) {
    const window = { chain, from: Math.max(from, end - windowEntries), below: end };
    const found: PlacedEntry[] = [];
    for await (const entry of entriesUp(ports, window)) found.push(entry);
    yield* found.toReversed();
  }
}

function readableOf({ entries }: ScannedSegment, { from, below }: ScanRange): PlacedEntry[] {
  return entries.flatMap(({ sequence, opened }) => {
    const stored = opened === null ? null : entryOf(opened.content);
    if (stored === null || sequence < from || sequence >= below) return [];
    return [{ sequence, entry: stored.entry }];
  });
}

/** Lets others have theirs. */
export async function turn({ clock }: Pick<SearchPorts, 'clock'>): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.soon(resolve);
  });
}
