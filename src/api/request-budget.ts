import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

/** Bytes of requests that are on their way in or being answered, all connections together. */
export class RequestBudget {
  #freeBytes: number;

  constructor(bytesMax: number) {
    this.#freeBytes = bytesMax;
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
      this.#freeBytes += heldBytes;
    });
  }
}

export const budgetMessage = 'The server holds as many bytes of requests as it may. Try again.';
