import type { StatusCode } from '../rpc/index.ts';

/** How a broker hears of changes of keys that another process holds. */
export type WatchState =
  /** The key service pushes each change at once. */
  | 'pushed'
  /** A key service that does not push is asked every half minute. */
  | 'polled'
  /** Not connected: a change is noticed when a cached key is next unwrapped. */
  | 'unheard';

/** Told what calls of a remote key service came to. Must not throw, and must return at once. */
export interface RemoteKmsObserver {
  /** One call as its caller saw it, retries included; `operation` is `Encrypt` or `Decrypt`. */
  call(operation: string, code: StatusCode, ms: number): void;
  /** A further try within one call, and the answer that it is made up for. */
  retried(operation: string, code: StatusCode): void;
  /** A checksum that did not match, or that the other side did not check. */
  corrupted(operation: string): void;
  /** Keys that are not asked for at the moment, because calls for them failed again and again. */
  openBreakers(count: number): void;
  watch(state: WatchState): void;
  /** A change that was heard of, resync included. */
  change(kind: string): void;
}

const nothing = (): void => undefined;

export const silentRemoteKmsObserver: RemoteKmsObserver = {
  call: nothing,
  retried: nothing,
  corrupted: nothing,
  openBreakers: nothing,
  watch: nothing,
  change: nothing,
};
