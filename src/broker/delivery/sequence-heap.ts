/** The lowest of many sequences first: a binary heap in one array. */
export class SequenceHeap {
  readonly #items: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): number | undefined {
    return this.#items[0];
  }

  push(sequence: number): void {
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
