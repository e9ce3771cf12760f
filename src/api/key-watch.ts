import type { KeyChange } from '../kms/index.ts';

/** How many stored messages depend on one CryptoKeyVersion, as a broker counts them. */
export interface ReportedUse {
  /** The version's full name. */
  readonly name: string;
  readonly dekCount: number;
  readonly messageCount: number;
  readonly byteCount: number;
  /** Full names, at most 100. */
  readonly topics: readonly string[];
}

/** What sealpost.v1.KeyWatch tells brokers in other processes, and hears from them. */
export interface KeyWatchSource {
  /**
   * Tells `listener` first of a resync, then of every change that was made durable; returns how to
   * stop; what the watcher reported is kept for ten minutes more, or until it watches again.
   *
   * @throws RpcError INVALID_ARGUMENT for a bad id, RESOURCE_EXHAUSTED if there are too many
   */
  watch(watcherId: string, listener: (change: KeyChange) => void): () => void;
  /** @throws RpcError INVALID_ARGUMENT for what is no project, PERMISSION_DENIED for the reserved */
  projectNumber(projectId: string): Promise<string>;
  /**
   * Takes a watcher's report in place of the one before.
   *
   * @throws RpcError FAILED_PRECONDITION from one that does not watch
   */
  reportUse(watcherId: string, uses: readonly ReportedUse[]): void;
}
