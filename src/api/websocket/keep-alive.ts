import type { Socket } from 'node:net';

import type { Cancel, Clock } from '../../runtime/index.ts';
import { webSocketLimits as limits } from './limits.ts';

/** Looks, not times: a process that stood still for a minute has looked once, and its clients wait. */
const answerLooks = Math.round(limits.answerTimeoutMs / limits.keepAliveMs);
const messageLooks = Math.round(limits.messageTimeoutMs / limits.keepAliveMs);

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
  readonly read: number;
  /** Null where nothing waited: what the system takes then says nothing about the client. */
  readonly taken: number | null;
  looks: number;
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
  #partialLooks = 0;
  #partialCount = -1;

  constructor(watched: Watched, clock: Clock) {
    this.#watched = watched;
    this.#clock = clock;
    this.#rest();
  }

  /** The client answered. */
  heard(): void {
    this.#marks = null;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #rest(): void {
    const atMs = this.#clock.monotonicMs() + limits.keepAliveMs;
    this.#cancel = this.#clock.schedule(atMs, () => {
      this.#rest();
      this.#look();
    });
  }

  #look(): void {
    const marks = this.#marks;
    if (this.#isStalled()) this.#watched.stalled();
    else if (marks === null) this.#ask();
    else if (this.#isAlive(marks)) this.#marks = this.#mark();
    else if (++marks.looks >= answerLooks) this.#clock.soon(() => this.#judge(marks));
  }

  /** After input that is already waiting: an answer may be among it. */
  #judge(marks: Marks): void {
    if (this.#marks === marks && !this.#isAlive(marks)) this.#watched.lost();
  }

  #ask(): void {
    this.#marks = this.#mark();
    this.#watched.ping();
  }

  #isAlive({ read, taken }: Marks): boolean {
    const { socket, isHeldByUs } = this.#watched;
    if (isHeldByUs || socket.bytesRead !== read) return true;
    return taken !== null && takenOf(socket) !== taken;
  }

  #mark(): Marks {
    const { socket } = this.#watched;
    return {
      read: socket.bytesRead,
      taken: socket.writableLength > 0 ? takenOf(socket) : null,
      looks: 0,
    };
  }

  #isStalled(): boolean {
    const { isPartial, messageCount } = this.#watched;
    const isSame = isPartial && messageCount === this.#partialCount;
    this.#partialCount = isPartial ? messageCount : -1;
    this.#partialLooks = isSame ? this.#partialLooks + 1 : 0;
    return this.#partialLooks >= messageLooks;
  }
}

/** Bytes that the system took over; the client took those before them. */
const takenOf = (socket: Socket): number => socket.bytesWritten - socket.writableLength;
