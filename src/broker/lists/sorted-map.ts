/**
 * A map by name that also keeps its names in order, so that a page of a list costs what is on the
 * page and not what there is. Names are compared by their UTF-16 code units.
 */
export class SortedMap<Value> extends Map<string, Value> {
  readonly #names: string[] = [];

  override set(name: string, value: Value): this {
    if (!this.has(name)) {
      const last = this.#names.at(-1);
      // What is taken over at a start comes in order.
      if (last === undefined || last < name) this.#names.push(name);
      else this.#names.splice(this.#firstFrom(name), 0, name);
    }
    return super.set(name, value);
  }

  override delete(name: string): boolean {
    if (!super.delete(name)) return false;
    this.#names.splice(this.#firstFrom(name), 1);
    return true;
  }

  override clear(): void {
    super.clear();
    this.#names.length = 0;
  }

  /** The first `limit` names with this prefix that come after `after`, in order. */
  namesAfter(prefix: string, after: string, limit: number): string[] {
    let at = this.#firstFrom(after < prefix ? prefix : after);
    if (this.#names[at] === after) at++;
    const found: string[] = [];
    for (; found.length < limit; at++) {
      const name = this.#names[at];
      if (name === undefined || !name.startsWith(prefix)) break;
      found.push(name);
    }
    return found;
  }

  /** How many names have this prefix. */
  countOf(prefix: string): number {
    return this.#firstFrom(`${prefix}\uffff`) - this.#firstFrom(prefix);
  }

  #firstFrom(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
