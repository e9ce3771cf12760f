import type { Clock, Entropy, Logger } from '../runtime/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { KeyChange } from './key-service.ts';
import type { KmsObserver } from './observer.ts';
import type { RootKey } from './root/root-key.ts';
import type { RowWrite, SealedRows } from './rows/sealed-rows.ts';

/** What the parts of the embedded key service share. */
export interface KmsContext {
  readonly rows: SealedRows;
  readonly rootKey: RootKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: KmsObserver;
  readonly changes: KeyChanges;
}

/** Runs one call and tells the observer how it ended. */
export async function observed<T>(
  { clock, observer }: KmsContext,
  operation: string,
  call: () => Promise<T>,
): Promise<T> {
  const startMs = clock.monotonicMs();
  const end = (code: 'OK' | RpcError['code']): void =>
    observer.call({ operation, code, ms: clock.monotonicMs() - startMs });
  try {
    const result = await call();
    end('OK');
    return result;
  } catch (error) {
    end(RpcError.from(error).code);
    throw error;
  }
}

/**
 * Writes what may change what a key can do, and tells the listeners once it is durable; false if a
 * row was at another version. A write that failed may have landed all the same: listeners then hear
 * of it too, and find out from the next call.
 */
export async function commitChange(
  { rows, changes }: KmsContext,
  writes: readonly RowWrite[],
  change: KeyChange,
): Promise<boolean> {
  let mayHaveLanded = true;
  try {
    mayHaveLanded = await rows.commit(writes);
    return mayHaveLanded;
  } finally {
    if (mayHaveLanded) changes.announce(change);
  }
}

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
