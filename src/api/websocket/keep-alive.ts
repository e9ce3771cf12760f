import type { Socket } from 'node:net';

import type { Cancel, Clock } from '../../runtime/index.ts';
import { webSocketLimits as limits } from './limits.ts';

/** Sums of fractions of a millisecond are not exact. */
const toleranceMs = 1;

/** What keep-alive looks at, and what it may do. */
export interface Watched {
  readonly socket: Socket;
  /** We ourselves read no further: that nothing comes says nothing. */
  readonly isHeldByUs: boolean;
  /** Whole messages so far. */
  readonly messageCount: number;
  readonly isPartial: boolean;
  ping(): void;
  /** No sign of life. */
  lost(): void;
  /** A message has begun and does not end. */
  stalled(): void;
}

/** Bytes that came and bytes that were taken, when the client was asked. */
interface Marks {
  readonly askedMs: number;
  readonly read: number;
  /** Null where nothing waited: what the system takes then says nothing about the client. */
  readonly taken: number | null;
}

/**
 * Asks a client by ping whether it is there. Any byte is an answer, since a pong may queue behind
 * others; so is taking what waits for it. A message that begins must end.
 */
export class KeepAlive {
  readonly #watched: Watched;
  readonly #clock: Clock;
  #marks: Marks | null = null;
  #cancel: Cancel | null = null;
  #partialSinceMs = 0;
  #partialCount = -1;

  constructor(watched: Watched, clock: Clock) {
    this.#watched = watched;
    this.#clock = clock;
    this.#rest(clock.monotonicMs());
  }

  /** The client answered. */
  heard(): void {
    this.#marks = null;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #rest(nowMs: number): void {
    this.#cancel = this.#clock.schedule(nowMs + limits.keepAliveMs, () => {
      const thenMs = this.#clock.monotonicMs();
      this.#rest(thenMs);
      this.#look(thenMs);
    });
  }

  #look(nowMs: number): void {
    if (this.#isStalled(nowMs)) this.#watched.stalled();
    else if (this.#marks === null) this.#ask(nowMs);
    else if (this.#isAlive(this.#marks)) this.#marks = this.#mark(nowMs);
    else if (nowMs - this.#marks.askedMs > limits.answerTimeoutMs - toleranceMs) {
      this.#watched.lost();
    }
  }

  #ask(nowMs: number): void {
    this.#marks = this.#mark(nowMs);
    this.#watched.ping();
  }

  #isAlive({ read, taken }: Marks): boolean {
    const { socket, isHeldByUs } = this.#watched;
    if (isHeldByUs || socket.bytesRead !== read) return true;
    return taken !== null && takenOf(socket) !== taken;
  }

  #mark(nowMs: number): Marks {
    const { socket } = this.#watched;
    return {
      askedMs: nowMs,
      read: socket.bytesRead,
      taken: socket.writableLength > 0 ? takenOf(socket) : null,
    };
  }

  #isStalled(nowMs: number): boolean {
    const { isPartial, messageCount } = this.#watched;
    if (!isPartial || messageCount !== this.#partialCount) {
      this.#partialCount = isPartial ? messageCount : -1;
      this.#partialSinceMs = nowMs;
      return false;
    }
    return nowMs - this.#partialSinceMs > limits.messageTimeoutMs - toleranceMs;
  }
}

/** Bytes that the system took over; the client took those before them. */
const takenOf = (socket: Socket): number => socket.bytesWritten - socket.writableLength;
