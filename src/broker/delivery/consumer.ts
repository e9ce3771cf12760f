import type { Delivery } from '../service.ts';

export interface ConsumerLimits {
  /** Infinity: no limit. */
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Bytes of one batch: a turn of the dispatcher. */
  readonly turnBytes: number;
}

/**
 * One taker of messages: a streaming pull, or a single Pull that waits. Counts what it holds, so
 * that flow control works by acks, nacks and expiries that come in on any path.
 */
export class Consumer {
  readonly limits: ConsumerLimits;
  readonly #deliver: (batch: readonly Delivery[]) => boolean;
  readonly #fail: (error: unknown) => void;
  readonly #idle: () => void;
  ackDeadlineMs: number;
  outstandingMessages = 0;
  outstandingBytes = 0;
  /** The transport has enough for now. */
  isPaused = false;
  isClosed = false;

  constructor(options: {
    readonly limits: ConsumerLimits;
    readonly ackDeadlineMs: number;
    readonly deliver: (batch: readonly Delivery[]) => boolean;
    readonly fail: (error: unknown) => void;
    /** Nothing is available now, neither at once nor after a read. */
    readonly idle?: () => void;
  }) {
    this.limits = options.limits;
    this.ackDeadlineMs = options.ackDeadlineMs;
    this.#deliver = options.deliver;
    this.#fail = options.fail;
    this.#idle = options.idle ?? ((): void => undefined);
  }

  /** How many more messages flow control admits now; a message may overshoot the byte limit. */
  get room(): number {
    if (this.isPaused || this.isClosed) return 0;
    if (this.outstandingBytes >= this.limits.bytesMax) return 0;
    return Math.max(0, this.limits.messagesMax - this.outstandingMessages);
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
