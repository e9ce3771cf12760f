/** One request under way. */
export interface Flight {
  readonly signal: AbortSignal;
  readonly era: number;
}

/** The requests of one pump that are under way. */
export class PushFlights {
  #count = 0;
  #strays = 0;
  #era = 0;
  #cut = new AbortController();
  #landed: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  /** Those of them that began before the last `renew`. */
  get strayCount(): number {
    return this.#strays;
  }

  start(): Flight {
    this.#count++;
    return { signal: this.#cut.signal, era: this.#era };
  }

  end(flight: Flight): void {
    this.#count--;
    if (flight.era !== this.#era) this.#strays--;
    if (this.#count > 0) return;
    const waiting = this.#landed;
    this.#landed = [];
    for (const resolve of waiting) resolve();
  }

  /** Another consumer takes over: what is under way counts apart from its leases. */
  renew(): void {
    this.#era++;
    this.#strays = this.#count;
  }

  /** Ends all that are under way; later ones are not concerned. */
  cut(): void {
    const cut = this.#cut;
    this.#cut = new AbortController();
    cut.abort();
  }

  /** Resolves when none is under way. */
  async landed(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#landed.push(resolve);
    });
  }
}
