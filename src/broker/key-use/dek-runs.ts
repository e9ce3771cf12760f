/** What counts of one stored segment. */
export interface SegmentFacts {
  readonly base: number;
  readonly count: number;
  /** As they are stored: sealed, with headers and tags. */
  readonly bytes: number;
  readonly timeMs: number;
  /** The DEK that the segment names. */
  readonly version: number;
}

/** Segments that follow one another in a lane and name the same DEK. */
export interface DekRun {
  readonly version: number;
  /** First sequence, and the first after it. */
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
  /** Publish time of its last segment. */
  readonly lastTimeMs: number;
  /** Known to be the first run of its DEK, though what came before it is no longer known. */
  readonly isFirst?: true;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** A run ends at so many bytes, so that what must be read again of one is bounded. */
const leastRunBytes = 64 * 1024 * 1024;
/** Or at this part of all that is known of the lane: a lane then has a few hundred runs at most. */
const runShare = 1 / 256;

/**
 * Which DEK the segments of one lane name: exact, in whatever order the versions come. Holds one
 * entry per run of segments, never one per segment.
 */
export class DekRuns {
  /** Ascending; no two overlap. */
  readonly #runs: DekRun[] = [];
  readonly #leastBytes: number;
  #bytes = 0;

  constructor(leastBytes: number = leastRunBytes) {
    this.#leastBytes = leastBytes;
  }

  /** Ascending. The last one still grows. */
  get all(): readonly DekRun[] {
    return this.#runs;
  }

  /** A segment was appended at the end. Returns the run that it closed, if it began another. */
  append(segment: SegmentFacts): DekRun | null {
    const last = this.#runs.at(-1);
    this.#bytes += segment.bytes;
    const grown = last && extended(last, segment, this.#runBytesMax);
    if (grown) {
      this.#runs[this.#runs.length - 1] = grown;
      return null;
    }
    this.#runs.push(runOf(segment));
    return last ?? null;
  }

  /** Runs that were found where there was a gap; what overlaps a known run is left out. */
  insert(found: readonly DekRun[]): void {
    for (const run of found) {
      const at = this.#indexEndingAfter(run.first);
      const next = this.#runs[at];
      if (next !== undefined && next.first < run.end) continue;
      this.#runs.splice(at, 0, run);
      this.#bytes += run.bytes;
    }
  }

  /** The segments as runs, of the size that runs of this lane have. */
  folded(segments: readonly SegmentFacts[], begun: readonly DekRun[] = []): DekRun[] {
    const runs = [...begun];
    for (const segment of segments) {
      const last = runs.at(-1);
      const grown = last && extended(last, segment, this.#runBytesMax);
      if (grown) runs[runs.length - 1] = grown;
      else runs.push(runOf(segment));
    }
    return runs;
  }

  /** What of `from` up to `to` no run covers. */
  gaps(from: number, to: number): Gap[] {
    const gaps: Gap[] = [];
    let at = from;
    for (const { first, end } of this.#runs) {
      if (end <= at) continue;
      if (first >= to) break;
      if (first > at) gaps.push({ from: at, to: first });
      at = end;
    }
    if (at < to) gaps.push({ from: at, to });
    return gaps;
  }

  /** The DEKs that segments from `trim` on name. */
  versionsFrom(trim: number): Set<number> {
    return new Set(this.#runs.filter(({ end }) => end > trim).map(({ version }) => version));
  }

  /** Forgets the runs of a DEK; returns them, and the runs that it is now said of that they are first. */
  remove(version: number): { readonly removed: DekRun[]; readonly marked: DekRun[] } {
    const removed = this.#runs.filter((run) => run.version === version);
    const marked: DekRun[] = [];
    const kept = this.#runs.filter((run) => run.version !== version);
    for (const { end } of removed) {
      const at = kept.findIndex(({ first }) => first === end);
      if (at < 0) continue;
      kept[at] = { ...kept[at]!, isFirst: true };
      marked.push(kept[at]);
    }
    this.#runs.splice(0, this.#runs.length, ...kept);
    return { removed, marked };
  }

  /**
   * How many messages a DEK ever sealed in this lane, which ends at `next`; null if nobody knows:
   * what came before the first run of it is not known, or something since, so that there may have
   * been more.
   */
  sealedCount(version: number, next: number): number | null {
    const at = this.#runs.findIndex((run) => run.version === version);
    if (at < 0) return null;
    const { first, isFirst } = this.#runs[at]!;
    const isBeginning = isFirst ?? (first === 0 || this.#runs[at - 1]?.end === first);
    if (!isBeginning || this.gaps(first, next).length > 0) return null;
    const ofVersion = this.#runs.filter((run) => run.version === version);
    return ofVersion.reduce((sum, run) => sum + run.end - run.first, 0);
  }

  get #runBytesMax(): number {
    return Math.max(this.#leastBytes, this.#bytes * runShare);
  }

  #indexEndingAfter(sequence: number): number {
    const at = this.#runs.findIndex(({ end }) => end > sequence);
    return at < 0 ? this.#runs.length : at;
  }
}

function runOf({ version, base, count, bytes, timeMs }: SegmentFacts): DekRun {
  return { version, first: base, end: base + count, bytes, lastTimeMs: timeMs };
}

/** The run with the segment, or null where that begins another. */
function extended(run: DekRun, segment: SegmentFacts, bytesMax: number): DekRun | null {
  const isNext = segment.version === run.version && segment.base === run.end;
  if (!isNext || run.bytes >= bytesMax) return null;
  const end = run.end + segment.count;
  return { ...run, end, bytes: run.bytes + segment.bytes, lastTimeMs: segment.timeMs };
}
