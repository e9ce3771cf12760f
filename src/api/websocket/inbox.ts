import type { Socket } from 'node:net';

import type { WebSocket } from 'ws';

import type { RequestBudget } from '../request-budget.ts';
import { FrameMeter } from './frame-meter.ts';

/** Why a connection is not read, each a bit. */
const bits = { hello: 1, requests: 2, unread: 4, budget: 8, draining: 16 } as const;
export type HoldCause = keyof typeof bits;

/**
 * What one connection receives: whole messages in order, as long as nothing holds them up, and the
 * bytes of those that are not whole or not handled yet, out of the budget of the process.
 */
export class Inbox {
  readonly #ws: WebSocket;
  readonly #budget: RequestBudget;
  readonly #handle: (message: Buffer) => void;
  readonly #meter: FrameMeter = new FrameMeter();
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #holds = 0;
  #isHandling = false;
  #cancelWait: (() => void) | null = null;
  #isClosed = false;
  /** Bytes of a message that is not whole yet, as counted out of the budget. */
  #partialBytes = 0;
  /** Whole messages so far. */
  messageCount = 0;

  constructor(
    ws: WebSocket,
    socket: Socket,
    budget: RequestBudget,
    handle: (message: Buffer) => void,
  ) {
    this.#ws = ws;
    this.#budget = budget;
    this.#handle = handle;
    // Before `ws` unmasks what it takes for its own.
    socket.prependListener('data', (chunk: Buffer) => this.#meter.count(chunk));
    socket.on('data', () => this.#takeOrGive());
  }

  /** True while a message has begun and not ended. */
  get isPartial(): boolean {
    return this.#partialBytes > 0;
  }

  /** Read no further for our own sake, not for the client's. */
  get isHeldByUs(): boolean {
    return (this.#holds & ~bits.unread) !== 0;
  }

  /** A whole message; its bytes are the caller's no more. */
  accept(message: Buffer): void {
    const { length } = message;
    if (this.#isClosed) return;
    this.messageCount++;
    if (this.#holds === 0 && this.#queue.length === 0 && !this.#isHandling) {
      this.#handle(message);
      return;
    }
    this.#queue.push(message);
    this.#queuedBytes += length;
    this.#budget.take(length);
  }

  /** True if it was not held for this cause before. */
  hold(cause: HoldCause): boolean {
    if ((this.#holds & bits[cause]) !== 0 || this.#isClosed) return false;
    this.#holds |= bits[cause];
    this.#ws.pause();
    return true;
  }

  release(cause: HoldCause): void {
    if ((this.#holds & bits[cause]) === 0) return;
    this.#holds &= ~bits[cause];
    if (this.#holds === 0 && !this.#isHandling) this.#proceed();
  }

  /** What comes is read, for the sake of the client's close frame, and dropped. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#holds = 0;
    this.#cancelWait?.();
    this.#budget.give(this.#queuedBytes + this.#partialBytes);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#partialBytes = 0;
    this.#ws.resume();
  }

  /** What waited, in order, until something holds again. */
  #proceed(): void {
    this.#isHandling = true;
    let at = 0;
    while (at < this.#queue.length && this.#holds === 0) {
      const message = this.#queue[at++]!;
      this.#queuedBytes -= message.length;
      this.#budget.give(message.length);
      this.#handle(message);
    }
    this.#queue.splice(0, at);
    this.#isHandling = false;
    if (this.#holds === 0 && !this.#isClosed) this.#ws.resume();
  }

  #takeOrGive(): void {
    if (this.#isClosed) return;
    const more = this.#meter.heldBytes - this.#partialBytes;
    this.#partialBytes += more;
    if (more > 0) this.#budget.take(more);
    else if (more < 0) this.#budget.give(-more);
    if (more > 0 && this.#budget.isSpent && this.hold('budget')) {
      const proceed = (): void => this.release('budget');
      this.#cancelWait = this.#budget.whenFree(this.#partialBytes + this.#queuedBytes, proceed);
    }
  }
}
