/**
 * DEKs that are asked about again because changes of their keys went unheard: a few at once, since
 * thousands of topics would otherwise ask a key service that has just come back.
 */
export class Resyncs {
  readonly #most: number;
  readonly #waiting = new Set<() => Promise<void>>();
  #underWay = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** `ask` must not reject. */
  add(ask: () => Promise<void>): void {
    this.#waiting.add(ask);
    this.#next();
  }

  clear(): void {
    this.#waiting.clear();
  }

  #next(): void {
    for (const ask of this.#waiting) {
      if (this.#underWay >= this.#most) return;
      this.#waiting.delete(ask);
      this.#underWay++;
      void ask().finally(() => {
        this.#underWay--;
        this.#next();
      });
    }
  }
}
