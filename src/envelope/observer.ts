import type { StatusCode } from '../rpc/index.ts';

/**
 * Why an unwrapped DEK left memory: nobody used it, the key service could not be reached until its
 * time was up, the key service refused, a change of the key was pushed, its topic was deleted, or
 * the key's owner lets it be kept no longer.
 */
export type EvictionCause =
  | 'idle'
  | 'unreachable'
  | 'refused'
  | 'keyChange'
  | 'forgotten'
  | 'ownerLimit';

/** What the DEK manager reports; `metrics` implements it. Every call is synchronous. */
export interface DekObserver {
  /** One call of the key service was answered, or was given up with DEADLINE_EXCEEDED. */
  kmsCall(operation: 'encrypt' | 'decrypt', outcome: StatusCode, elapsedMs: number): void;
  /** A wrapped DEK was unwrapped and its commitment checked. */
  unwrapped(elapsedMs: number): void;
  /** How many unwrapped DEKs are in memory now. */
  cachedCount(count: number): void;
  evicted(cause: EvictionCause): void;
}

const nothing = (): void => undefined;

export const silentDekObserver: DekObserver = {
  kmsCall: nothing,
  unwrapped: nothing,
  cachedCount: nothing,
  evicted: nothing,
};
