import type { KeyChange } from '../kms/index.ts';
import type { Logger } from '../runtime/index.ts';

/** Those who want to know what may have changed what a key can do; one's failure is not another's. */
export class KeyListeners {
  readonly #listeners = new Set<(change: KeyChange) => void>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  listen(listener: (change: KeyChange) => void): () => void {
    const entry = (change: KeyChange): void => listener(change);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  announce(change: KeyChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#log.error({ err: error, change }, 'a listener of key changes failed');
      }
    }
  }
}
