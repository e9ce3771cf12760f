import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

/** Someone who reads no further until there is room. */
interface Waiter {
  /** Bytes of its that were taken, and that only its going on can give back. */
  readonly heldBytes: number;
  readonly proceed: () => void;
}

/** Bytes of requests that are on their way in or being answered, all connections together. */
export class RequestBudget {
  readonly #bytesMax: number;
  #freeBytes: number;
  /** In order of their coming. */
  readonly #waiting: Set<Waiter> = new Set();
  #waitingBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#freeBytes = bytesMax;
  }

  get isSpent(): boolean {
    return this.#freeBytes < 0;
  }

  /**
   * Counts what `source` brings until `exchange` closes; `refuse` is called, once, when there is
   * no room for more. Before anyone else reads: the bytes start to flow, unless paused again.
   */
  follow(source: Readable, exchange: EventEmitter, refuse: () => void): void {
    let heldBytes = 0;
    const count = ({ length }: Uint8Array): void => {
      if (length > this.#freeBytes) {
        source.off('data', count);
        refuse();
        return;
      }
      heldBytes += length;
      this.#freeBytes -= length;
    };
    source.on('data', count);
    exchange.once('close', () => {
      source.off('data', count);
      this.give(heldBytes);
    });
  }

  /** Counts what has come already: who takes while it is spent reads no further for now. */
  take(bytes: number): void {
    this.#freeBytes -= bytes;
  }

  give(bytes: number): void {
    this.#freeBytes += bytes;
    this.#wake();
  }

  /**
   * `proceed` is called once, when it is spent no more, unless that was cancelled. Where all that is
   * taken waits, the last to come goes on all the same: else none could ever give anything back.
   */
  whenFree(heldBytes: number, proceed: () => void): () => void {
    const waiter = { heldBytes, proceed };
    this.#waiting.add(waiter);
    this.#waitingBytes += heldBytes;
    this.#wake();
    return () => this.#forget(waiter);
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      if (this.isSpent) break;
      this.#forget(waiter);
      waiter.proceed();
    }
    if (!this.isSpent || this.#waitingBytes < this.#bytesMax - this.#freeBytes) return;
    const last = [...this.#waiting].at(-1);
    if (last === undefined) return;
    this.#forget(last);
    last.proceed();
  }

  #forget(waiter: Waiter): void {
    if (this.#waiting.delete(waiter)) this.#waitingBytes -= waiter.heldBytes;
  }
}

export const budgetMessage = 'The server holds as many bytes of requests as it may. Try again.';
