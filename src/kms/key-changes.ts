import type { Logger } from '../runtime/index.ts';
import type { KeyChange } from './key-service.ts';

/** Those who want to know what may have changed what a key can do. */
export class KeyChanges {
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

  /** One listener's failure is not another's. */
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
