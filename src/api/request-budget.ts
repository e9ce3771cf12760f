import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

/** Bytes of requests that are on their way in or being answered, all connections together. */
export class RequestBudget {
  #freeBytes: number;
  /** Who waits for bytes to be given back. */
  #waiting: (() => void)[] = [];

  constructor(bytesMax: number) {
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
    if (this.#freeBytes < 0 || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const proceed of waiting) proceed();
  }

  /** `proceed` is called once, when it is spent no more. */
  whenFree(proceed: () => void): void {
    this.#waiting.push(proceed);
  }
}

export const budgetMessage = 'The server holds as many bytes of requests as it may. Try again.';
