import { ephemeralGroup, otherResource } from './resource-labels.ts';

/**
 * The series of each topic or subscription, in one row for all metrics of its kind.
 *
 * Counting is one map look-up, because it happens on every request. The number of rows is bounded
 * whatever names clients make up: a resource gets its row with the first event that shows that it
 * exists, while there is room, and keeps it until it is deleted, so that no counter goes back.
 * Whatever has no row is counted together, and stays counted there. So is what is told of a
 * resource after its deletion: the answers to requests that were under way.
 */
export class ResourceTable<Row> {
  readonly #rows: Map<string, Row> = new Map();
  readonly #rest: Row;
  /** Names of resources that were deleted, the latest of them. */
  readonly #gone: Set<string> = new Set();
  readonly #makeRow: (resource: string) => Row;
  readonly #max: number;

  constructor(makeRow: (resource: string) => Row, max: number) {
    this.#rest = makeRow(otherResource);
    this.#makeRow = makeRow;
    this.#max = max;
  }

  /** `isKnown`: the event proves that the resource exists; only then may it get a row. */
  row(resource: string, isKnown: boolean): Row {
    return this.#rows.get(resource) ?? this.#admit(resource, isKnown);
  }

  /** The row of everything that has none of its own. */
  get rest(): Row {
    return this.#rest;
  }

  /** There is such a resource now; one of the same name may have been deleted. */
  created(resource: string): void {
    this.#gone.delete(resource);
  }

  /** The resource is gone, and its series with it. */
  forget(resource: string): void {
    this.#rows.delete(resource);
    if (ephemeralGroup(resource) !== null) return;
    this.#gone.add(resource);
    if (this.#gone.size <= this.#max) return;
    for (const oldest of this.#gone) return void this.#gone.delete(oldest);
  }

  *rows(): Iterable<Row> {
    yield* this.#rows.values();
    yield this.#rest;
  }

  #admit(resource: string, isKnown: boolean): Row {
    // Ephemeral subscriptions come and go; what they did together is what is of interest.
    const name = ephemeralGroup(resource) ?? resource;
    const existing = this.#rows.get(name);
    if (existing !== undefined) return existing;
    if (!isKnown || this.#gone.has(name) || this.#rows.size >= this.#max) return this.#rest;
    const row = this.#makeRow(name);
    this.#rows.set(name, row);
    return row;
  }
}
