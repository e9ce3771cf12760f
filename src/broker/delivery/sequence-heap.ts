/** From so many on, sequences that stand in a heap more than once are looked for. */
const crowd = 1_024;

/**
 * The lowest of many sequences first: a binary heap in one array. It may have the same one more
 * than once, but grows no further than to twice the number of different ones, or the crowd.
 */
export class SequenceHeap {
  #items: number[] = [];
  #sizeMax = crowd;

  get size(): number {
    return this.#items.length;
  }

  peek(): number | undefined {
    return this.#items[0];
  }

  push(sequence: number): void {
    if (this.#items.length >= this.#sizeMax) this.#thinOut();
    const items = this.#items;
    let at = items.length;
    items.push(sequence);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (items[parent]! <= sequence) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = sequence;
  }

  pop(): number | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.#sink(last);
    return first;
  }

  clear(): void {
    this.#items.length = 0;
    this.#sizeMax = crowd;
  }

  /** Ascending, the items are a heap as well. */
  #thinOut(): void {
    this.#items = [...new Set(this.#items)].toSorted((a, b) => a - b);
    this.#sizeMax = Math.max(crowd, 2 * this.#items.length);
  }

  #sink(sequence: number): void {
    const items = this.#items;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= sequence) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = sequence;
  }
}
