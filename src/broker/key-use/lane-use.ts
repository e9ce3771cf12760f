import { EnvelopeError, segmentDekVersion, storageRefusal } from '../../envelope/index.ts';
import { type Logger, Serial } from '../../runtime/index.ts';
import type { LogId, MetaStore, Segment, Store, Tail } from '../../storage/index.ts';
import type { ReadGate } from '../lanes/read-gate.ts';
import { DekRunRows } from './dek-run-rows.ts';
import { DekRuns, type DekRun, type Gap, type SegmentFacts } from './dek-runs.ts';

const readBytes = 512 * 1024;
/** What is still missing after so many reads is missing from the store. */
const fillsMax = 4;

/** In place of a DEK's version, which is 1 or more: the segment's header is damaged. */
export const unreadable = 0;

export interface LaneUsePorts {
  readonly store: Store;
  readonly meta: MetaStore;
  readonly reads: ReadGate;
  readonly log: Logger;
  /** At how many bytes a run of segments ends; 64 MiB unless a test wants more of them. */
  readonly runBytes?: number;
}

/** What one DEK seals of what is stored in a lane. */
export interface DekUse {
  readonly version: number;
  readonly messageCount: number;
  /** Sealed bytes as stored. */
  readonly byteCount: number;
  /** Publish time of the last of them. */
  readonly lastTimeMs: number;
  readonly lastSequence: number;
}

/**
 * Which stored segments of one lane name which DEK. What is appended is counted as it comes; closed
 * runs are kept as rows; what neither covers is read, once. Asked after a crash, that is at most one
 * run's end; of a lane that an older release filled it is all of it.
 */
export class LaneUse {
  readonly #ports: LaneUsePorts;
  readonly #log: LogId;
  readonly #rows: DekRunRows;
  readonly #runs: DekRuns;
  readonly #tasks = new Serial();
  /** DEKs that seal what is on its way to the store, or may have landed unheard. */
  readonly #doubtful = new Set<number>();
  #sealings = 0;
  #isSealing = false;
  #isLoaded = false;
  #front: { readonly first: number; readonly trim: number; readonly bytes: number } | null = null;

  constructor(
    ports: LaneUsePorts,
    lane: { readonly topicUid: string; readonly index: number; readonly log: LogId },
  ) {
    this.#ports = ports;
    this.#log = lane.log;
    this.#runs = new DekRuns(ports.runBytes);
    this.#rows = new DekRunRows(ports.meta, lane.topicUid, lane.index);
  }

  /** Segments under this DEK are about to be appended; `sealed` follows, whatever comes of it. */
  sealing(version: number): void {
    this.#sealings++;
    this.#isSealing = true;
    this.#doubtful.add(version);
  }

  sealed(): void {
    this.#isSealing = false;
  }

  /** These are durable. Reads their headers only. */
  appended(segments: readonly Segment[]): void {
    for (const segment of segments) {
      const closed = this.#runs.append(factsOf(segment));
      if (closed !== null) this.#save([closed]);
    }
    // What was in doubt before has landed below these, where a gap shows it, or never will.
    this.#doubtful.clear();
  }

  /**
   * Makes the account whole up to the log's tail. Throws RpcError as `storageRefusal` has it.
   * Where the log is now.
   */
  complete(): Promise<Tail> {
    return this.#tasks.run(() => this.#complete());
  }

  /**
   * In this turn: the DEKs that something stored, or on its way, may name; null if the account that
   * `complete` made whole is not any more. `unreadable` stands for a segment whose header is damaged.
   */
  namedFrom({ trim, next }: Tail): Set<number> | null {
    const end = Math.max(next, this.#runs.all.at(-1)?.end ?? 0);
    if (this.#runs.gaps(trim, end).length > 0) return null;
    const named = this.#runs.versionsFrom(trim);
    for (const version of this.#doubtful) named.add(version);
    return named;
  }

  /** The DEK of the last segment that was appended here; 0 before the first. */
  get newestVersion(): number {
    return this.#runs.all.at(-1)?.version ?? 0;
  }

  /**
   * How many messages a DEK sealed in all in this lane, which ends at `next`, the removed ones
   * included; null: not known.
   */
  sealedCount(version: number, next: number): number | null {
    return this.#runs.sealedCount(version, next);
  }

  /** Makes the account as whole as it can be without reading segments. Throws as `complete` does. */
  load(): Promise<void> {
    return this.#tasks.run(() => this.#load());
  }

  /** Exact, of what is stored at one moment of this call, by version. */
  async uses(): Promise<Map<number, DekUse>> {
    for (;;) {
      const { trim } = await this.complete();
      const front = await this.#tasks.run(() => this.#trimmedBytes(trim));
      if (front !== null) return usesOf(this.#runs.all, trim, front);
    }
  }

  /** The DEK is gone: nothing more needs to be known of it. */
  async forget(version: number): Promise<void> {
    await this.#tasks.run(async () => {
      const { removed, marked } = this.#runs.remove(version);
      for (const run of marked) await this.#rows.put(run);
      await this.#rows.remove(removed);
    });
  }

  async #complete(): Promise<Tail> {
    try {
      const sealings = this.#sealings;
      const wasQuiet = !this.#isSealing;
      await this.#load();
      let tail = await this.#tail();
      // What was heard of during a read may have kept what the read found from being taken.
      for (let pass = 0; pass < fillsMax && (await this.#fillGaps(tail)); pass++) {
        tail = await this.#tail();
      }
      // Nothing was on its way while the log was looked at: what landed has been found.
      if (wasQuiet && sealings === this.#sealings) this.#doubtful.clear();
      return tail;
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  async #tail(): Promise<Tail> {
    const [tail] = await this.#ports.store.tails([this.#log]);
    return tail!;
  }

  /** True if there were any. */
  async #fillGaps({ trim, next }: Tail): Promise<boolean> {
    const gaps = this.#runs.gaps(trim, next);
    for (const gap of gaps) await this.#fill(gap);
    return gaps.length > 0;
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    try {
      this.#runs.insert(await this.#rows.all());
      this.#isLoaded = true;
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  async #fill(gap: Gap): Promise<void> {
    let runs: DekRun[] = [];
    for await (const segments of this.#read(gap)) runs = this.#runs.folded(segments, runs);
    this.#runs.insert(runs);
    // The last one may still grow in memory; the row then ends early, and a gap follows it.
    this.#save(runs);
  }

  /** What is stored of a gap; less than all if some of it is trimmed meanwhile. */
  async *#read({ from, to }: Gap): AsyncGenerator<SegmentFacts[]> {
    for (let at = from; at < to;) {
      const place = at;
      const { reads, store } = this.#ports;
      const segments = await reads.run(() => store.read(this.#log, place, readBytes));
      const facts = segments.map(factsOf).filter(({ base }) => base >= place && base < to);
      if (facts.length === 0) return;
      yield facts;
      at = facts.at(-1)!.base + facts.at(-1)!.count;
    }
  }

  /** How many bytes of the run that `trim` cuts are gone; null if more was trimmed meanwhile. */
  async #trimmedBytes(trim: number): Promise<number | null> {
    const run = this.#runs.all.find(({ end }) => end > trim);
    if (run === undefined || run.first >= trim) return 0;
    if (this.#front?.first === run.first && this.#front.trim === trim) return this.#front.bytes;
    let left = 0;
    let at = trim;
    try {
      for await (const segments of this.#read({ from: trim, to: run.end })) {
        for (const { base, count, bytes } of segments) {
          if (base !== at) return null;
          at += count;
          left += bytes;
        }
      }
    } catch (error) {
      throw storageRefusal(error);
    }
    if (at !== run.end) return null;
    this.#front = { first: run.first, trim, bytes: run.bytes - left };
    return this.#front.bytes;
  }

  /** In the background: what is lost of it is read again one day. */
  #save(runs: readonly DekRun[]): void {
    void this.#tasks
      .run(async () => {
        for (const run of runs) await this.#rows.put(run);
      })
      .catch((error: unknown) => {
        this.#ports.log.warn({ err: error }, 'which DEK seals what could not be noted');
      });
  }
}

function factsOf({ base, count, body, timeMs }: Segment): SegmentFacts {
  return { base, count, bytes: body.length, timeMs, version: versionOf(body) };
}

function versionOf(body: Uint8Array): number {
  try {
    return segmentDekVersion(body);
  } catch (error) {
    if (error instanceof EnvelopeError) return unreadable;
    throw error;
  }
}

function usesOf(runs: readonly DekRun[], trim: number, trimmedBytes: number): Map<number, DekUse> {
  const uses = new Map<number, DekUse>();
  for (const run of runs) {
    if (run.end <= trim) continue;
    const { version, end, lastTimeMs } = run;
    const known = uses.get(version);
    const cut = run.first < trim ? trimmedBytes : 0;
    uses.set(version, {
      version,
      messageCount: (known?.messageCount ?? 0) + end - Math.max(run.first, trim),
      byteCount: (known?.byteCount ?? 0) + run.bytes - cut,
      lastTimeMs,
      lastSequence: end - 1,
    });
  }
  return uses;
}
