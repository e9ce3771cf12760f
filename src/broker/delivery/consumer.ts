import type { DeliveryType, StreamState } from '../observer.ts';
import type { Delivery } from '../service.ts';

/** One commit carries several batches, where they wait for it together. */
const commitsMax = 3;

export interface ConsumerLimits {
  /** Infinity: no limit. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Bytes of one batch: a turn of the dispatcher. */
  readonly turnBytes: number;
}

/**
 * One taker of messages: a streaming pull, a single Pull that waits, or push to an endpoint. Counts
 * what it holds, so that flow control works by acks, nacks and expiries that come in on any path.
 */
export class Consumer {
  readonly type: DeliveryType;
  /** Of a streaming pull: who has the same is the same subscriber, after a reconnect. */
  readonly clientId: string;
  readonly limits: ConsumerLimits;
  readonly #deliver: (batch: readonly Delivery[]) => boolean;
  readonly #fail: (error: unknown) => void;
  readonly #idle: () => void;
  readonly #admits: (bytes: number, count: number) => boolean;
  ackDeadlineMs: number;
  outstandingMessages = 0;
  outstandingBytes = 0;
  /** The transport has enough for now. */
  isPaused = false;
  isClosed = false;
  /** Batches for it whose leases are on their way to the disk. */
  committingCount = 0;

  constructor(options: {
    readonly type: DeliveryType;
    readonly clientId?: string;
    readonly limits: ConsumerLimits;
    readonly ackDeadlineMs: number;
    readonly deliver: (batch: readonly Delivery[]) => boolean;
    readonly fail: (error: unknown) => void;
    /** Nothing is available now, neither at once nor after a read. */
    readonly idle?: () => void;
    /** Whether a batch of so many messages and sealed bytes may come now; by default any may. */
    readonly admits?: (bytes: number, count: number) => boolean;
  }) {
    this.type = options.type;
    this.clientId = options.clientId ?? '';
    this.limits = options.limits;
    this.ackDeadlineMs = options.ackDeadlineMs;
    this.#deliver = options.deliver;
    this.#fail = options.fail;
    this.#idle = options.idle ?? ((): void => undefined);
    this.#admits = options.admits ?? ((): boolean => true);
  }

  /** How many more messages flow control admits now; a message may overshoot the byte limit. */
  get room(): number {
    if (this.isPaused || this.isClosed || this.hasCommitsEnough) return 0;
    if (this.outstandingBytes >= this.limits.bytesMax) return 0;
    return Math.max(0, this.limits.messagesMax - this.outstandingMessages);
  }

  /** A stream has some batches on their way to the disk at once; a Pull is one batch. */
  get hasCommitsEnough(): boolean {
    return this.committingCount >= (this.type === 'pull' ? 1 : commitsMax);
  }

  /** What holds it up now: its transport, one of its limits, or nothing. */
  get state(): StreamState {
    if (this.isPaused) return 'suspended_client_flow_controlled';
    if (this.outstandingBytes >= this.limits.bytesMax) {
      return 'suspended_max_outstanding_bytes_exceeded';
    }
    if (this.room === 0) return 'suspended_max_outstanding_messages_exceeded';
    return 'ok';
  }

  /** Whether what was gathered for it may grow to this. Asked in the turn that then delivers. */
  admits(bytes: number, count: number): boolean {
    return this.#admits(bytes, count);
  }

  take(bytes: number): void {
    this.outstandingMessages++;
    this.outstandingBytes += bytes;
  }

  release(bytes: number): void {
    this.outstandingMessages--;
    this.outstandingBytes -= bytes;
  }

  /** Never throws: a transport that does has failed, and this consumer alone is closed. */
  deliver(batch: readonly Delivery[]): void {
    try {
      if (!this.#deliver(batch)) this.isPaused = true;
    } catch (error) {
      this.fail(error);
    }
  }

  idle(): void {
    this.#idle();
  }

  /** Never throws either: others may have to be told next. */
  fail(error: unknown): void {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      this.#fail(error);
    } catch {
      // The transport cannot even be told that it ends: there is nobody left to tell.
    }
  }
}
