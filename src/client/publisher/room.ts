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

/** So many places of those who are in are kept, and half the line, before it is made shorter. */
const servedMax = 1_000;

/**
 * Room for messages that are published and not yet answered. Who finds none waits in line, and
 * nobody overtakes: that keeps the order of messages which share a key.
 */
export class Room {
  readonly #limits: RoomLimits;
  /** Those before `#served` are in: an array gives up its first very slowly. */
  #line: (Visitor | undefined)[] = [];
  #served = 0;
  #messages = 0;
  #bytes = 0;
  #isServing = false;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Throws RESOURCE_EXHAUSTED when the line is full; a call that is let in may bring many. */
  checkLine(): void {
    const waiting = this.#line.length - this.#served;
    if (waiting === 0 || waiting < this.#limits.waitingMax) return;
    const message = `${waiting} messages wait for room already: await each publish.`;
    throw new SealpostError('RESOURCE_EXHAUSTED', 'TOO_MANY_WAITING', message);
  }

  enter(visitor: Visitor): void {
    if (this.#line.length === 0 && this.#take(visitor.bytes)) visitor.enter();
    else this.#line.push(visitor);
  }

  release(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    // Who is refused at the door leaves while the line is being served: it is served once.
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#serveNext());
    this.#isServing = false;
    this.#shorten();
  }

  refuseAll(error: SealpostError): void {
    const waiting = this.#line.splice(0);
    this.#served = 0;
    for (const visitor of waiting) visitor?.refuse(error);
  }

  /** False: nobody waits, or there is no room. */
  #serveNext(): boolean {
    const visitor = this.#line[this.#served];
    if (visitor === undefined) return false;
    const isGone = visitor.isGone();
    if (!isGone && !this.#take(visitor.bytes)) return false;
    this.#line[this.#served++] = undefined;
    if (!isGone) visitor.enter();
    return true;
  }

  #shorten(): void {
    const isOver = this.#served === this.#line.length;
    const isWorthIt = this.#served >= servedMax && 2 * this.#served >= this.#line.length;
    if (!isOver && !isWorthIt) return;
    this.#line.splice(0, this.#served);
    this.#served = 0;
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
