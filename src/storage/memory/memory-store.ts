import { noFailpoints, type Clock, type Failpoints } from '../../runtime/index.ts';
import { checkAppend } from '../bounds.ts';
import type { KeyStore } from '../meta-store.ts';
import type { Append, LogId, Outcome, Segment, Store, StoreStats, Tail } from '../store.ts';
import { FaultPlan } from './fault-plan.ts';
import { MemoryKeyStore, MemoryMetaStore } from './memory-meta.ts';
import { MemoryQueue } from './memory-queue.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly failpoints?: Failpoints;
  readonly faults?: FaultPlan;
  /** Called after each group commit with the number of calls that it carried. */
  readonly onCommit?: (calls: number) => void;
}

interface Log {
  readonly segments: Segment[];
  epoch: number;
}

const noTail: Tail = { next: 0, trim: 0, epoch: 0, timeMs: 0 };

/** The Store port without a disk, for tests and simulation: same outcomes, same visibility. */
export class MemoryStore implements Store {
  readonly bodyBytesMax: number = 16 * 1024 * 1024;
  readonly meta: MemoryMetaStore;
  readonly faults: FaultPlan;
  readonly #logs = new Map<LogId, Log>();
  readonly #queue: MemoryQueue;
  readonly #failpoints: Failpoints;

  constructor(options: MemoryStoreOptions) {
    const { clock, failpoints = noFailpoints, onCommit } = options;
    this.faults = options.faults ?? new FaultPlan();
    this.#failpoints = failpoints;
    this.#queue = new MemoryQueue(clock, failpoints, onCommit);
    this.meta = new MemoryMetaStore(this.#queue, this.faults);
  }

  async commit(ops: readonly Append[]): Promise<Outcome[]> {
    for (const op of ops) checkAppend(op, this.bodyBytesMax);
    if (ops.length === 0) return [];
    return this.#queue.run(() => this.#commitNow(ops));
  }

  resolve(op: Append): Promise<Outcome> {
    return this.#queue.run(() => {
      const found = this.#segments(op.log).find(({ base }) => base === op.at);
      if (found && Buffer.compare(found.id, op.id) === 0) return 'ok';
      return op.epoch < this.#tail(op.log).epoch ? 'fenced' : 'conflict';
    });
  }

  async read(log: LogId, from: number, bytesMax: number): Promise<Segment[]> {
    this.#queue.assertOpen();
    const segments = this.#segments(log);
    const found: Segment[] = [];
    let bytes = 0;
    for (let at = indexEndingAfter(segments, from); at < segments.length; at++) {
      bytes += segments[at]!.body.length;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(copyOf(segments[at]!));
    }
    return found;
  }

  async tails(logs: readonly LogId[]): Promise<Tail[]> {
    this.#queue.assertOpen();
    return logs.map((log) => this.#tail(log));
  }

  async locate(log: LogId, timeMs: number): Promise<number> {
    this.#queue.assertOpen();
    const found = this.#segments(log).find((segment) => segment.timeMs >= timeMs);
    return found?.base ?? this.#tail(log).next;
  }

  async trim(cuts: readonly { readonly log: LogId; readonly below: number }[]): Promise<void> {
    this.#queue.assertOpen();
    this.#failpoints('beforeTrim');
    await this.#queue.run(() => {
      for (const { log, below } of cuts) this.#trimNow(log, below);
    });
    this.#failpoints('afterTrim');
  }

  drop(logs: readonly LogId[]): Promise<void> {
    return this.#queue.run(() => {
      for (const log of logs) this.#logs.delete(log);
    });
  }

  own(log: LogId, seen: number): Promise<{ readonly epoch: number } | null> {
    return this.#queue.run(() => {
      if (this.#tail(log).epoch !== seen) return null;
      this.#log(log).epoch = seen + 1;
      return { epoch: seen + 1 };
    });
  }

  stats(): StoreStats {
    this.#queue.assertOpen();
    const segments = [...this.#logs.values()].flatMap((log) => log.segments);
    const diskBytes = segments.reduce((sum, { body }) => sum + body.length, 0);
    return { diskBytes, segmentCount: segments.length };
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #commitNow(ops: readonly Append[]): Outcome[] {
    const fault = this.faults.take();
    if (fault === 'conflict') return ops.map(() => 'conflict');
    const outcomes = ops.map((op) => this.#append(op, fault !== 'unknown-lost'));
    if (fault === null) return outcomes;
    return outcomes.map((outcome) => (outcome === 'ok' ? 'unknown' : outcome));
  }

  #append(op: Append, isKept: boolean): Outcome {
    const tail = this.#tail(op.log);
    if (op.epoch < tail.epoch) return 'fenced';
    if (op.at !== tail.next) return 'conflict';
    if (!isKept) return 'ok';
    const { log, at: base, count, epoch, timeMs, kind } = op;
    const { id, body } = { id: op.id.slice(), body: op.body.slice() };
    this.#log(log).segments.push({ log, base, count, epoch, timeMs, kind, id, body });
    return 'ok';
  }

  #trimNow(log: LogId, below: number): void {
    const segments = this.#segments(log);
    const kept = indexEndingAfter(segments, below);
    segments.splice(0, Math.min(kept, segments.length - 1));
  }

  #tail(log: LogId): Tail {
    const { segments, epoch } = this.#logs.get(log) ?? { segments: [], epoch: 0 };
    const last = segments.at(-1);
    if (!last) return { ...noTail, epoch };
    return {
      next: last.base + last.count,
      trim: segments[0]!.base,
      epoch: Math.max(epoch, last.epoch),
      timeMs: last.timeMs,
    };
  }

  #segments(log: LogId): Segment[] {
    return this.#logs.get(log)?.segments ?? [];
  }

  #log(log: LogId): Log {
    const known = this.#logs.get(log) ?? { segments: [], epoch: 0 };
    this.#logs.set(log, known);
    return known;
  }
}

export function openMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options);
}

export function openMemoryKeyStore(options: {
  readonly clock: Clock;
  readonly faults?: FaultPlan;
}): KeyStore {
  const queue = new MemoryQueue(options.clock, noFailpoints);
  return new MemoryKeyStore(queue, options.faults ?? new FaultPlan());
}

/** Index of the first segment that ends above `sequence`; the length if none does. */
function indexEndingAfter(segments: readonly Segment[], sequence: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { base, count } = segments[middle]!;
    if (base + count > sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}

function copyOf(segment: Segment): Segment {
  return { ...segment, id: segment.id.slice(), body: segment.body.slice() };
}
