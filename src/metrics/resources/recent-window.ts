const slotMs = 10_000;
/** Ten minutes, and the slot that is being filled. */
const slotCount = 61;

/** Counts of the last ten minutes in slots of ten seconds; how far back is asked later. */
export class RecentWindow {
  readonly #columns: number;
  readonly #slots: Uint32Array;
  #newest = -1;

  constructor(columns: number) {
    this.#columns = columns;
    this.#slots = new Uint32Array(columns * slotCount);
  }

  add(column: number, amount: number, nowMs: number): void {
    this.#advance(nowMs);
    const index = (this.#newest % slotCount) * this.#columns + column;
    this.#slots[index] = (this.#slots[index] ?? 0) + amount;
  }

  /** What came in the last `spanMs`, at most ten minutes, up to ten seconds more. */
  sum(column: number, spanMs: number, nowMs: number): number {
    this.#advance(nowMs);
    const wanted = Math.min(slotCount, Math.ceil(spanMs / slotMs) + 1);
    let sum = 0;
    for (let back = 0; back < wanted && back <= this.#newest; back++) {
      sum += this.#slots[((this.#newest - back) % slotCount) * this.#columns + column] ?? 0;
    }
    return sum;
  }

  #advance(nowMs: number): void {
    const slot = Math.max(this.#newest, Math.floor(nowMs / slotMs));
    const passed = Math.min(slotCount, slot - this.#newest);
    for (let back = 0; back < passed; back++) {
      const start = ((slot - back + slotCount) % slotCount) * this.#columns;
      this.#slots.fill(0, start, start + this.#columns);
    }
    this.#newest = slot;
  }
}
