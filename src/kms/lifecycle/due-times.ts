/** What falls due in the life of a key. */
export interface DueTask {
  readonly kind: 'destroy' | 'rotate';
  /** The version to be destroyed, or the key to be rotated. */
  readonly name: string;
}

/**
 * When destructions and rotations may be due. Only a reminder: whoever acts on it reads the row
 * first, so one too many does no harm. It is expected before the row is written, so that a write
 * in doubt is not forgotten; and a time known before stays if it is earlier, for that write may
 * not land.
 */
export class DueTimes {
  readonly #destroy = new Map<string, number>();
  readonly #rotate = new Map<string, number>();
  #onChange: () => void = () => undefined;

  /** Calls `onChange` after each expectation; the last one given counts. */
  listen(onChange: () => void): void {
    this.#onChange = onChange;
  }

  /** Wall time in ms. */
  expectDestruction(versionName: string, atMs: number): void {
    this.#expect(this.#destroy, versionName, atMs);
  }

  /** Wall time in ms; undefined: no rotation is planned. */
  expectRotation(keyName: string, atMs: number | undefined): void {
    if (atMs === undefined) return;
    this.#expect(this.#rotate, keyName, atMs);
  }

  /** The earliest time, or null if nothing is expected. */
  get nextMs(): number | null {
    let next = Infinity;
    for (const times of [this.#destroy, this.#rotate]) {
      for (const atMs of times.values()) next = Math.min(next, atMs);
    }
    return next === Infinity ? null : next;
  }

  /** What is due at that wall time; it is expected no more. */
  take(nowMs: number): DueTask[] {
    const due: DueTask[] = [];
    const kinds = { destroy: this.#destroy, rotate: this.#rotate } as const;
    for (const kind of ['destroy', 'rotate'] as const) {
      for (const [name, atMs] of kinds[kind]) {
        if (atMs > nowMs) continue;
        kinds[kind].delete(name);
        due.push({ kind, name });
      }
    }
    return due;
  }

  #expect(times: Map<string, number>, name: string, atMs: number): void {
    times.set(name, Math.min(atMs, times.get(name) ?? Infinity));
    this.#onChange();
  }
}
