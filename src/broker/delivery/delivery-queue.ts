import type { Clock } from '../../runtime/index.ts';
import type { Backlog } from './backlog.ts';
import type { Consumer } from './consumer.ts';
import type { Dispatcher, Turn } from './dispatcher.ts';
import type { Lane } from '../lanes/lane.ts';
import type { HeldSegment, LaneReader } from '../lanes/lane-reader.ts';
import type { LeaseBudget } from './lease-budget.ts';
import type { Delivery } from '../service.ts';

export interface DeliveryOptions {
  readonly backlog: Backlog;
  readonly lane: Lane;
  readonly reader: LaneReader;
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  /** Messages handed out and not acknowledged, at most. */
  readonly window: number;
  readonly budget: LeaseBudget;
  readonly onDelivered: (count: number) => void;
  /** Everything below this sequence was trimmed and is done. */
  readonly onMissing: (first: number) => void;
}

/**
 * Hands the messages of one subscription to its consumers, in turns of a bounded size, round robin
 * over those with room. A lease exists before its message leaves.
 *
 * Where the window of unacknowledged messages is full, first deliveries wait; nothing is dropped.
 */
export class DeliveryQueue implements Turn {
  readonly #options: DeliveryOptions;
  /** In order of their next turn. */
  readonly #consumers = new Set<Consumer>();
  #isLoading = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  get consumerCount(): number {
    return this.#consumers.size;
  }

  attach(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.wake();
  }

  /** What it holds stays leased until its deadline: its acks may come on another way. */
  detach(consumer: Consumer): void {
    consumer.isClosed = true;
    this.#consumers.delete(consumer);
  }

  wake(): void {
    if (this.#consumers.size > 0) this.#options.dispatcher.wake(this);
  }

  /** Tells every consumer why nothing more comes, and lets it go. */
  failAll(error: unknown): void {
    const consumers = [...this.#consumers];
    this.#consumers.clear();
    for (const consumer of consumers) consumer.fail(error);
  }

  /** True if a consumer with room would get something, now or after a read. */
  get hasAvailable(): boolean {
    return this.#candidate() !== undefined;
  }

  turn(): boolean {
    const consumer = this.#nextConsumer();
    if (consumer === undefined) return false;
    try {
      const batch = this.#gather(consumer);
      if (batch.length === 0) {
        if (!this.#isLoading) this.#tellIdle();
        return false;
      }
      // Only who got something goes to the back: a turn that finds nothing costs nobody its place.
      this.#consumers.delete(consumer);
      this.#consumers.add(consumer);
      consumer.deliver(batch);
      this.#options.onDelivered(batch.length);
      return true;
    } catch (error) {
      this.failAll(error);
      return false;
    }
  }

  #nextConsumer(): Consumer | undefined {
    for (const consumer of this.#consumers) if (consumer.room > 0) return consumer;
    return undefined;
  }

  #candidate(): number | undefined {
    const { backlog, lane, window, budget } = this.#options;
    const sequence = backlog.peek(lane.tail);
    if (sequence === undefined || !backlog.isFirstDelivery(sequence)) return sequence;
    if (backlog.leaseCount >= window) return undefined;
    if (!budget.isSpent) return sequence;
    budget.wakeWhenFreed(this);
    return undefined;
  }

  #gather(consumer: Consumer): Delivery[] {
    const batch: Delivery[] = [];
    const deadlineMs = this.#options.clock.monotonicMs() + consumer.ackDeadlineMs;
    let bytes = 0;
    let segment: HeldSegment | undefined;
    while (bytes < consumer.limits.turnBytes && consumer.room > 0) {
      const sequence = this.#candidate();
      if (sequence === undefined) break;
      if (segment === undefined || !holds(segment, sequence)) {
        try {
          segment = this.#options.reader.get(sequence);
        } catch (error) {
          // What was gathered goes out first; the next turn meets the error again.
          if (batch.length > 0) break;
          throw error;
        }
      }
      if (segment === undefined) {
        void this.#load(sequence);
        break;
      }
      const delivery = this.#lease(segment, sequence, consumer, deadlineMs);
      bytes += delivery.bytes.length;
      batch.push(delivery);
    }
    return batch;
  }

  #lease(segment: HeldSegment, sequence: number, consumer: Consumer, deadlineMs: number): Delivery {
    const { backlog, lane } = this.#options;
    const index = sequence - segment.base;
    const bytes = segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
    const publishTimeMs = segment.timeMs;
    const message = { bytes: bytes.length, publishTimeMs, deadlineMs };
    const { ackId } = backlog.lease(sequence, consumer, message);
    return { ackId, messageId: lane.messageId(sequence), publishTimeMs, deliveryAttempt: 0, bytes };
  }

  /** Fetches what the next message needs; while it is under way no turn does anything. */
  async #load(sequence: number): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const first = await this.#options.reader.load(sequence);
      if (first > sequence) this.#options.onMissing(first);
    } catch (error) {
      this.failAll(error);
    } finally {
      this.#isLoading = false;
    }
    this.wake();
  }

  /** Nothing is to be had: a Pull that does not want to wait may answer. */
  #tellIdle(): void {
    for (const consumer of this.#consumers) consumer.idle();
  }
}

function holds(segment: HeldSegment, sequence: number): boolean {
  return sequence >= segment.base && sequence < segment.base + segment.count;
}
