import type { TransformOutcome } from '../../transforms/index.ts';

const firstCount = 10;
const countMax = 100;
/** Of one batch, beside a single larger message. */
const inputBytesMax = 1024 * 1024;
/** What may become of one: a little may be unpacked to a lot. */
const madeBytesMax = 4 * 1024 * 1024;

/**
 * How many messages are transformed together: fewer where much is made of them, so that what one
 * batch becomes is bounded; twice as many as before where little is.
 */
export class BatchPace {
  #count = firstCount;

  /** The next batch of those that wait: at least one, if there is any. */
  next<Item extends { readonly bytes: Uint8Array }>(
    items: readonly Item[],
    at: number = 0,
  ): readonly Item[] {
    let bytes = 0;
    let count = 0;
    for (; count < this.#count && at + count < items.length; count++) {
      bytes += items[at + count]!.bytes.length;
      if (count > 0 && bytes > inputBytesMax) break;
    }
    return items.slice(at, at + count);
  }

  made(outcomes: readonly TransformOutcome[]): void {
    let bytes = 0;
    for (const outcome of outcomes)
      if (outcome.kind === 'transformed') bytes += outcome.data.length;
    const most = Math.floor((madeBytesMax * outcomes.length) / Math.max(1, bytes));
    this.#count = Math.max(1, Math.min(countMax, 2 * this.#count, most));
  }
}
