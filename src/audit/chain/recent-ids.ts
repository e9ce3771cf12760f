/** Where the entry of an id is. */
export interface IdPlace {
  readonly insertId: string;
  readonly timeMs: number;
}

/** The ids of the last entries, the oldest forgotten first. */
export class RecentIds {
  readonly #places = new Map<string, IdPlace>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(id: string): IdPlace | undefined {
    return this.#places.get(id);
  }

  /** The oldest first. */
  all(): Iterable<readonly [string, IdPlace]> {
    return this.#places;
  }

  add(id: string, place: IdPlace): void {
    this.#places.delete(id);
    this.#places.set(id, place);
    if (this.#places.size <= this.#max) return;
    const [oldest] = this.#places.keys();
    this.#places.delete(oldest!);
  }
}
