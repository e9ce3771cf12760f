/** A run of sequences: `base .. base + count - 1`. */
export interface Run {
  readonly base: number;
  readonly count: number;
}

/** Runs of one lane that do not overlap, found by any sequence in them. */
export class SegmentShelf<Item extends Run> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  find(sequence: number): Item | undefined {
    const item = this.#items[this.#indexAfter(sequence) - 1];
    return item && sequence < item.base + item.count ? item : undefined;
  }

  /** Replaces the run with the same base, if there is one. */
  put(item: Item): void {
    const after = this.#indexAfter(item.base);
    const isReplacement = this.#items[after - 1]?.base === item.base;
    this.#items.splice(isReplacement ? after - 1 : after, isReplacement ? 1 : 0, item);
  }

  remove(base: number): Item | undefined {
    const index = this.#indexAfter(base) - 1;
    return this.#items[index]?.base === base ? this.#items.splice(index, 1)[0] : undefined;
  }

  /** Takes everything out. */
  clear(): Item[] {
    return this.#items.splice(0);
  }

  /** Index of the first item whose base is above `sequence`. */
  #indexAfter(sequence: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle]!.base > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What holding a segment costs beside its bytes. */
const itemBytes = 256;

/** A bound on the bytes that many shelves hold together; the oldest goes first. */
export class ShelfBudget<Item extends Run> {
  readonly #bytesMax: number;
  readonly #queue = new Set<{ shelf: SegmentShelf<Item>; item: Item; bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  put(shelf: SegmentShelf<Item>, item: Item, bytes: number): void {
    shelf.put(item);
    const entry = { shelf, item, bytes: bytes + itemBytes };
    this.#queue.add(entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#queue) {
      if (this.#bytes <= this.#bytesMax || oldest === entry) break;
      this.#queue.delete(oldest);
      this.#bytes -= oldest.bytes;
      if (oldest.shelf.find(oldest.item.base) === oldest.item) {
        oldest.shelf.remove(oldest.item.base);
      }
    }
  }
}
