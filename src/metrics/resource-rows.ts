/** Stands for all resources that have no series of their own. */
export const otherResource = '_other';

/** Series of one metric, at most; further resources are counted together. */
export const resourcesMax = 10_000;

/**
 * Numbers per resource, a few columns each: what a counter with labels shows at the next scrape.
 *
 * Counting is one map look-up and one addition, because it happens on every request; prom-client
 * hashes its labels each time. The number of rows is bounded whatever names clients make up.
 */
export class ResourceRows {
  readonly #rows = new Map<string, Float64Array>();
  readonly #columns: number;
  readonly #max: number;

  constructor(columns: number, max: number = resourcesMax) {
    this.#columns = columns;
    this.#max = max;
  }

  /** `isKnown`: the outcome proves that the resource exists; only then may it get a row. */
  add(resource: string, column: number, amount: number, isKnown: boolean): void {
    const row = this.#rows.get(resource) ?? this.#admit(resource, isKnown);
    row[column] = (row[column] ?? 0) + amount;
  }

  /** The resource is gone, and its series with it. */
  forget(resource: string): void {
    this.#rows.delete(resource);
  }

  /** Every number that is not zero. */
  *entries(): Generator<{ resource: string; column: number; value: number }> {
    for (const [resource, row] of this.#rows) {
      for (const [column, value] of row.entries()) {
        if (value !== 0) yield { resource, column, value };
      }
    }
  }

  #admit(resource: string, isKnown: boolean): Float64Array {
    const name = isKnown && this.#rows.size < this.#max ? resource : otherResource;
    const row = this.#rows.get(name) ?? new Float64Array(this.#columns);
    this.#rows.set(name, row);
    return row;
  }
}
