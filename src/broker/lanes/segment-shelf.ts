/** A run of sequences: `base .. base + count - 1`. */
export interface Run {
  readonly base: number;
  readonly count: number;
}

/** True if `sequence` is in the run. */
export function holds(run: Run, sequence: number): boolean {
  return sequence >= run.base && sequence < run.base + run.count;
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

interface Held<Item extends Run> {
  readonly shelf: SegmentShelf<Item>;
  readonly bytes: number;
}

/** A bound on the bytes that many shelves hold together; the oldest goes first. */
export class ShelfBudget<Item extends Run> {
  readonly #bytesMax: number;
  readonly #onRemoved: (item: Item) => void;
  /** In order of arrival. */
  readonly #held = new Map<Item, Held<Item>>();
  #bytes = 0;

  constructor(bytesMax: number, onRemoved: (item: Item) => void = () => undefined) {
    this.#bytesMax = bytesMax;
    this.#onRemoved = onRemoved;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Replaces what the shelf has at the same base. */
  put(shelf: SegmentShelf<Item>, item: Item, bytes: number): void {
    const before = shelf.find(item.base);
    if (before !== undefined) this.remove(before);
    shelf.put(item);
    this.#held.set(item, { shelf, bytes: bytes + itemBytes });
    this.#bytes += bytes + itemBytes;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === item) break;
      this.remove(oldest);
    }
  }

  /** Takes an item off its shelf; nothing happens if it is gone already. */
  remove(item: Item): void {
    const held = this.#held.get(item);
    if (held === undefined) return;
    this.#held.delete(item);
    this.#bytes -= held.bytes;
    held.shelf.remove(item.base);
    this.#onRemoved(item);
  }
}
