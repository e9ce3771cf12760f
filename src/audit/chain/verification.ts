import { equalBytes, type AeadKey } from '../../crypto/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { AnchorKeeper } from './anchor.ts';
import type { ChainEnd } from './audit-segment.ts';
import { type AuditCheck, FindingRun } from './finding.ts';
import { type ScannedSegment, type ScanRange, scanSegments } from './segment-scan.ts';
import {
  type ChainedEntry,
  type ChainName,
  entryHash,
  entryOf,
  insertIdOf,
} from './stored-entry.ts';

export interface VerificationPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly anchors: AnchorKeeper;
  readonly clock: Clock;
}

/** Follows one chain from its trusted beginning to where it ended when this was called. */
export async function verifyChain(
  name: ChainName,
  end: ChainEnd,
  ports: VerificationPorts,
  check: AuditCheck,
  signal: AbortSignal,
): Promise<void> {
  const { anchors, clock } = ports;
  const { trim, trusted } = anchors.anchor(name);
  check.expect(Math.max(0, end.next - trim));
  const walk = new ChainWalk(name, trusted, [anchors.loaded[name], end], check);
  const range = { chain: name, from: trim, below: end.next };
  for await (const part of scanSegments(ports, range)) {
    if (signal.aborted) return;
    if ('segment' in part) walk.segment(part, range);
    else walk.gone(part.from, part.below);
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
  }
  walk.finish();
}

/** A hash that an entry is known to have: of the anchor, or of this process's memory. */
interface Checkpoint {
  readonly next: number;
  readonly hash: Uint8Array;
}

class ChainWalk {
  readonly #name: ChainName;
  readonly #checkpoints: readonly Checkpoint[];
  readonly #check: AuditCheck;
  readonly #run: FindingRun;
  /** Hash of the entry before; null after damage, when the next entry says what it should be. */
  #previous: Uint8Array | null;

  constructor(
    name: ChainName,
    trusted: Uint8Array,
    checkpoints: readonly Checkpoint[],
    check: AuditCheck,
  ) {
    this.#name = name;
    this.#previous = trusted;
    this.#checkpoints = checkpoints;
    this.#check = check;
    this.#run = new FindingRun(name, check);
  }

  segment({ segment, entries, isWhole, below }: ScannedSegment, range: ScanRange): void {
    const end = Math.min(below, range.below);
    for (const { sequence, opened } of entries) {
      if (sequence >= range.from && sequence < end) this.#entry(sequence, opened);
    }
    const known = Math.max(segment.base + entries.length, range.from);
    if (known < end) this.#damaged(known, end);
    // Its entries are genuine, yet something was written beside them.
    const isHidden = !isWhole && entries.slice(0, segment.count).every(({ opened }) => opened);
    if (isHidden) this.#run.add('damaged', Math.max(segment.base, range.from), end);
  }

  #entry(sequence: number, opened: ChainedEntry | null): void {
    const stored = opened === null ? null : entryOf(opened.content);
    if (opened === null || stored?.entry.insertId !== insertIdOf(this.#name, sequence)) {
      this.#damaged(sequence, sequence + 1);
      return;
    }
    const isNext = this.#previous === null || equalBytes(this.#previous, opened.previous);
    this.#previous = entryHash(opened);
    const isKnown = this.#isAsKnown(sequence + 1, this.#previous);
    if (isNext && isKnown) this.#pass(stored.entry.timeMs, opened.content.length);
    else this.#run.add('broken', sequence, sequence + 1);
    this.#run.seen(stored.entry.timeMs);
  }

  #damaged(from: number, below: number): void {
    this.#run.add('damaged', from, below);
    this.#previous = null;
  }

  gone(from: number, below: number): void {
    this.#run.add('missing', from, below);
    this.#previous = null;
  }

  finish(): void {
    this.#run.end();
  }

  #pass(timeMs: number, bytes: number): void {
    this.#run.end(timeMs);
    this.#check.passed(1, bytes);
  }

  #isAsKnown(next: number, hash: Uint8Array): boolean {
    return this.#checkpoints.every((known) => known.next !== next || equalBytes(known.hash, hash));
  }
}
