import type { Consumer } from './consumer.ts';
import { SequenceHeap } from './sequence-heap.ts';

/**
 * Sequences that may be deliverable now, the lowest first: to anybody, or to the one consumer that
 * has earlier messages of their ordering key. Hints: what became of them meanwhile is asked when
 * they come up.
 */
export class AvailableMessages {
  readonly #toAnybody = new SequenceHeap();
  readonly #bound = new Map<Consumer, SequenceHeap>();

  /** Somebody in particular could get something. */
  get hasBound(): boolean {
    return this.#bound.size > 0;
  }

  /** `consumer`: null is anybody. */
  push(sequence: number, consumer: Consumer | null): void {
    if (consumer === null) {
      this.#toAnybody.push(sequence);
      return;
    }
    let heap = this.#bound.get(consumer);
    if (heap === undefined) this.#bound.set(consumer, (heap = new SequenceHeap()));
    heap.push(sequence);
  }

  /** The lowest for this consumer that `isCurrent` confirms; what it does not is forgotten. */
  peek(consumer: Consumer, isCurrent: (sequence: number) => boolean): number | undefined {
    const free = current(this.#toAnybody, isCurrent);
    const heap = this.#bound.get(consumer);
    if (heap === undefined) return free;
    const bound = current(heap, isCurrent);
    if (bound === undefined) this.#bound.delete(consumer);
    if (free === undefined || bound === undefined) return free ?? bound;
    return Math.min(free, bound);
  }

  /** What was for it alone is offered anew by who knows its keys. */
  forget(consumer: Consumer): void {
    this.#bound.delete(consumer);
  }

  clear(): void {
    this.#toAnybody.clear();
    this.#bound.clear();
  }
}

function current(heap: SequenceHeap, isCurrent: (sequence: number) => boolean): number | undefined {
  for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
    if (isCurrent(first)) return first;
    heap.pop();
  }
  return undefined;
}
