import { SealpostError } from '../sealpost-error.ts';

export interface RoomLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly waitingMax: number;
}

/** A message that wants in. One of the two is called, `enter` when its room was taken. */
export interface Visitor {
  readonly bytes: number;
  readonly enter: () => void;
  readonly refuse: (error: unknown) => void;
  /** It does not want in any more, and was told so. */
  readonly isGone: () => boolean;
}

/**
 * Room for messages that are published and not yet answered. Who finds none waits in line, and
 * nobody overtakes: that keeps the order of messages which share a key.
 */
export class Room {
  readonly #limits: RoomLimits;
  #line: Visitor[] = [];
  #messages = 0;
  #bytes = 0;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Throws RESOURCE_EXHAUSTED when the line is full; a call that is let in may bring many. */
  checkLine(): void {
    if (this.#line.length === 0 || this.#line.length < this.#limits.waitingMax) return;
    const message = `${this.#line.length} messages wait for room already: await each publish.`;
    throw new SealpostError('RESOURCE_EXHAUSTED', 'TOO_MANY_WAITING', message);
  }

  enter(visitor: Visitor): void {
    if (this.#line.length === 0 && this.#take(visitor.bytes)) visitor.enter();
    else this.#line.push(visitor);
  }

  release(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    let served = 0;
    for (const visitor of this.#line) {
      if (!visitor.isGone()) {
        if (!this.#take(visitor.bytes)) break;
        visitor.enter();
      }
      served++;
    }
    if (served > 0) this.#line.splice(0, served);
  }

  refuseAll(error: SealpostError): void {
    for (const { refuse } of this.#line.splice(0)) refuse(error);
  }

  /** A message above the limit of bytes goes alone. */
  #take(bytes: number): boolean {
    const { messagesMax, bytesMax } = this.#limits;
    const isFull = this.#messages >= messagesMax || this.#bytes + bytes > bytesMax;
    if (isFull && this.#messages > 0) return false;
    this.#messages++;
    this.#bytes += bytes;
    return true;
  }
}
