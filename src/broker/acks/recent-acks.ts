const halfMax = 10_000;
/** An entry costs about 64 bytes: 64 MiB over all subscriptions. */
const totalMax = 1 << 20;

/** What the memories of all subscriptions hold together: whose last entry is oldest gives way. */
export class RecentAcksBudget {
  readonly #max: number;
  /** In the order of their last entries. */
  readonly #members = new Set<RecentAcks>();
  #count = 0;

  constructor(max: number = totalMax) {
    this.#max = max;
  }

  added(member: RecentAcks): void {
    this.#members.delete(member);
    this.#members.add(member);
    this.#count++;
    if (this.#count <= this.#max) return;
    for (const oldest of this.#members) {
      oldest.clear();
      return;
    }
  }

  removed(member: RecentAcks, count: number): void {
    this.#count -= count;
    if (member.size === 0) this.#members.delete(member);
  }
}

/**
 * By which delivery messages were acknowledged, or given back, lately: so many at least, and twice
 * as many at most, unless the budget runs out. What is sent again, because its answer was lost, is
 * told from what is over.
 */
export class RecentAcks {
  readonly #budget: RecentAcksBudget;
  #young = new Map<number, number>();
  #old = new Map<number, number>();

  constructor(budget: RecentAcksBudget) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** `delivery`: the epoch and attempt of the ack id, as `deliveryOf` joins them. */
  add(sequence: number, delivery: number): void {
    if (this.#young.size >= halfMax) {
      const { size } = this.#old;
      this.#old = this.#young;
      this.#young = new Map();
      this.#budget.removed(this, size);
    }
    const isNew = !this.#young.has(sequence);
    this.#young.set(sequence, delivery);
    if (isNew) this.#budget.added(this);
  }

  /** Undefined: neither, or forgotten. */
  deliveryOf(sequence: number): number | undefined {
    return this.#young.get(sequence) ?? this.#old.get(sequence);
  }

  clear(): void {
    const { size } = this;
    this.#young.clear();
    this.#old.clear();
    this.#budget.removed(this, size);
  }
}
