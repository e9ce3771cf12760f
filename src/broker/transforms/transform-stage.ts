import type { Dek } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { backoffMs, type Cancel, type Clock } from '../../runtime/index.ts';
import type {
  MessageTransform,
  TransformableMessage,
  TransformEngine,
  TransformOutcome,
} from '../../transforms/index.ts';
import type { Backlog } from '../delivery/backlog.ts';
import type { Lease } from '../delivery/lease.ts';
import type { HeldSegment } from '../lanes/lane-reader.ts';
import type { BrokerObserver } from '../observer.ts';
import { BatchPace } from './batch-pace.ts';
import { reportOutcomes } from './outcome-report.ts';
import { ReadyMessages, type ReadyMessage } from './ready-messages.ts';
import { transformable, transformedMessage, type Transformed } from './transformable.ts';
import type { TransformMemory } from './transform-memory.ts';
import { TransformSlot } from './transform-slot.ts';

/** Of one subscription: messages that wait for their transforms or are in them. */
const waitingMax = 1_000;
const waitingBytesMax = 4 * 1024 * 1024;
/** Where transforms cannot be run they are tried again after so long. */
const stallBounds = { first: 1_000, longest: 30_000 };

export interface TransformStagePorts {
  readonly clock: Clock;
  readonly observer: BrokerObserver;
  readonly transforms?: TransformEngine;
  readonly transformMemory: TransformMemory;
}

/** The subscription whose messages are transformed. */
export interface StagedSubscription {
  readonly name: string;
  readonly backlog: Backlog;
  readonly lane: { messageId(sequence: number): string };
  /** What becomes of a message that a transform does not bear. */
  readonly rules: { transformFailed(lease: Lease, message: string): void };
  /** Something may be delivered, or be transformed, that could not be. */
  wake(): void;
  /** Messages were filtered, which is to be made durable. */
  flush(): void;
}

/** A message on its way through, with a copy of its opened bytes. */
interface Staged {
  readonly lease: Lease;
  readonly bytes: Buffer;
  readonly publishTimeMs: number;
  readonly dek: Dek;
  readonly unwatch: () => void;
}

/**
 * Between the scan of a subscription's messages and their delivery: runs its transforms, one batch
 * at a time, and keeps for a while what they made. A message here is leased to nobody; what is
 * given up of it, for whatever reason, is made again when its turn comes.
 */
export class TransformStage {
  readonly #ports: TransformStagePorts;
  readonly #of: StagedSubscription;
  readonly #slot: TransformSlot;
  readonly #ready: ReadyMessages;
  /** Sequences of messages that failed when they were here last. */
  readonly #failing = new Set<number>();
  readonly #pace = new BatchPace();
  #queue: Staged[] = [];
  #waitingCount = 0;
  #waitingBytes = 0;
  #isWorking = false;
  #stallCount = 0;
  #endStall: Cancel | null = null;

  constructor(of: StagedSubscription, ports: TransformStagePorts) {
    this.#of = of;
    this.#ports = ports;
    this.#slot = new TransformSlot(ports.transforms, of.name);
    this.#ready = new ReadyMessages(ports.transformMemory);
  }

  /** Nothing is delivered but what comes out of here. */
  get isOn(): boolean {
    return this.#slot.isOn;
  }

  /** Messages are in it, and may soon be available. */
  get isBusy(): boolean {
    return this.#waitingCount > 0;
  }

  /** Messages that failed when their transforms were last run, and are not acknowledged. */
  get failingCount(): number {
    return this.#failing.size;
  }

  /** Transforms cannot be run at all. */
  get isStalled(): boolean {
    return this.#stallCount > 0;
  }

  /** True if the transforms are others now: what was made by those before is given up. */
  change(transforms: readonly MessageTransform[] | undefined): boolean {
    if (!this.#slot.change(transforms)) return false;
    this.#ready.clear();
    this.#failing.clear();
    this.#resume();
    return true;
  }

  /** What code has kept of messages goes: their key was taken away. */
  forget(): void {
    this.#slot.forget();
  }

  ready(sequence: number): ReadyMessage | undefined {
    return this.#ready.get(sequence);
  }

  /** It leaves; its bytes are the caller's to fill with zeros. */
  take(sequence: number): void {
    this.#ready.take(sequence);
  }

  /** Whether one more message may begin for somebody who takes so many; else wakes when it may. */
  hasRoom(takenMax: number): boolean {
    if (this.#endStall !== null) return false;
    if (this.#waitingCount >= Math.min(takenMax, waitingMax)) return false;
    if (this.#waitingBytes >= waitingBytesMax) return false;
    const { transformMemory: memory } = this.#ports;
    if (memory.isSpent) memory.wakeWhenFreed(this.#of);
    return !memory.isSpent;
  }

  /** The message of the segment, which may be handed out, goes through its transforms first. */
  begin(sequence: number, segment: HeldSegment): void {
    const index = sequence - segment.base;
    const view = segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
    // Never from a pool: it holds opened bytes.
    const bytes = Buffer.allocUnsafeSlow(view.length);
    bytes.set(view);
    const { dek, timeMs: publishTimeMs } = segment;
    const unwatch = dek.onDeath(() => void bytes.fill(0));
    const lease = this.#of.backlog.beginTransform(sequence);
    this.#queue.push({ lease, bytes, publishTimeMs, dek, unwatch });
    this.#waitingCount++;
    this.#waitingBytes += bytes.length;
    this.#ports.transformMemory.take(bytes.length);
    if (this.#isWorking) return;
    this.#isWorking = true;
    // What else this turn brings goes with it.
    queueMicrotask(() => void this.#work());
  }

  /** A message is done, however. */
  ended(sequence: number): void {
    this.#ready.drop(sequence);
    this.#failing.delete(sequence);
  }

  /** A seek: nothing of before counts. */
  clear(): void {
    this.#ready.clear();
    this.#failing.clear();
  }

  close(): void {
    this.clear();
    this.#slot.forget();
    this.#endStall?.();
    this.#endStall = null;
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#pace.next(this.#queue);
      this.#queue = this.#queue.slice(batch.length);
      await this.#transform(batch);
    }
    this.#isWorking = false;
    this.#of.wake();
  }

  async #transform(batch: readonly Staged[]): Promise<void> {
    const present = batch.filter(({ lease, dek }) => lease.state === 'transforming' && dek.isAlive);
    const input = present.map((staged) => this.#inputOf(staged));
    const outcomes = input.length === 0 ? null : await this.#outcomes(input);
    for (const staged of batch) this.#leave(staged);
    if (outcomes !== null) this.#settle(present, input, outcomes);
    // Those without an outcome are available, and have their turn again.
    for (const { lease } of batch) this.#of.backlog.endTransform(lease);
    this.#ready.shrink();
    this.#of.wake();
  }

  #inputOf({ lease, bytes, publishTimeMs }: Staged): TransformableMessage {
    return transformable(bytes, {
      messageId: this.#of.lane.messageId(lease.sequence),
      publishTimeMs,
    });
  }

  /** Null: they are run again, at once or when that may go better. */
  async #outcomes(input: readonly TransformableMessage[]): Promise<TransformOutcome[] | null> {
    if (!this.#slot.isOn) return null;
    const { clock, observer } = this.#ports;
    const startedMs = clock.monotonicMs();
    try {
      const outcomes = await this.#slot.run(input);
      if (outcomes === null) return null;
      this.#stallCount = 0;
      this.#pace.made(outcomes);
      reportOutcomes(outcomes, clock.monotonicMs() - startedMs, (result, count, eachMs) =>
        observer.subscriptionTransformed(this.#of.name, result, count, eachMs),
      );
      return outcomes;
    } catch {
      this.#stall();
      return null;
    }
  }

  #settle(
    present: readonly Staged[],
    input: readonly TransformableMessage[],
    outcomes: readonly TransformOutcome[],
  ): void {
    let filteredCount = 0;
    for (const [i, outcome] of outcomes.entries()) {
      const staged = present[i]!;
      const { lease, dek } = staged;
      // Acknowledged or sought away meanwhile, or not to be known any more.
      const isWanted = lease.state === 'transforming' && dek.isAlive;
      if (isWanted && outcome.kind === 'failed') this.#fail(lease, outcome.message);
      else if (isWanted && outcome.kind === 'filtered') {
        this.#of.backlog.acknowledge(lease);
        filteredCount++;
      } else if (outcome.kind === 'transformed') {
        if (isWanted) this.#made(staged, outcome, input[i]!.orderingKey);
        outcome.data.fill(0);
      }
    }
    if (filteredCount === 0) return;
    this.#ports.observer.filtered(this.#of.name, filteredCount);
    this.#of.flush();
  }

  #made({ lease, publishTimeMs, dek }: Staged, outcome: Transformed, orderingKey: string): void {
    const { sequence } = lease;
    let bytes: Uint8Array;
    try {
      ({ bytes } = transformedMessage(outcome, orderingKey));
    } catch (error) {
      this.#fail(lease, RpcError.from(error).message);
      return;
    }
    this.#failing.delete(sequence);
    this.#ready.put({ sequence, bytes, publishTimeMs, dek });
  }

  #fail(lease: Lease, message: string): void {
    this.#failing.add(lease.sequence);
    this.#of.rules.transformFailed(lease, message);
  }

  #leave({ bytes, unwatch }: Staged): void {
    unwatch();
    bytes.fill(0);
    this.#waitingCount--;
    this.#waitingBytes -= bytes.length;
    this.#ports.transformMemory.free(bytes.length);
  }

  #stall(): void {
    const { clock } = this.#ports;
    const atMs = clock.monotonicMs() + backoffMs(stallBounds, ++this.#stallCount);
    this.#endStall?.();
    this.#endStall = clock.schedule(atMs, () => this.#resume());
  }

  #resume(): void {
    this.#endStall?.();
    this.#endStall = null;
    this.#of.wake();
  }
}
