/** Who wants to hear of something. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** Returns what takes the listener out again. */
  add(listener: (event: Event) => void): () => void {
    // The same function may listen twice.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Soon, in order: what a listener throws is then its own and breaks nothing here. */
  tell(event: Event): void {
    for (const listener of this.#listeners) queueMicrotask(() => listener(event));
  }
}
