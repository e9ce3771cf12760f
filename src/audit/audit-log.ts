import type { AuditEntry, LoggedEntry } from './audit-entry.ts';
import type { AuditCheck } from './chain/finding.ts';

/** What others need of the audit log: to write to it. */
export interface AuditWriter {
  /**
   * Durable when it resolves. Entries of one caller keep their order. `id` makes it once only: an
   * entry of that id which the log already holds is not written again (16 random bytes in hex).
   *
   * @throws RpcError UNAVAILABLE if the log cannot be written: what is not recorded is not done
   */
  append(entry: AuditEntry, id?: string): Promise<LoggedEntry>;
}

/** The fields of a google.logging.v2.ListLogEntriesRequest. */
export interface AuditQuery {
  /** `projects/P`, or a view or bucket in one; at least one. */
  readonly resourceNames: readonly string[];
  /** In the language of Cloud Logging; empty: everything. */
  readonly filter: string;
  /** `timestamp asc` (also if empty), or `timestamp desc`. */
  readonly orderBy: string;
  /** 0 to 1,000; 0: 50. */
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface AuditPage {
  readonly entries: readonly LoggedEntry[];
  /** Empty: there are no more. A page may be empty and yet not be the last. */
  readonly nextPageToken: string;
  /** The time of the last entry that was looked at for this page; null: all were. */
  readonly reachedMs: number | null;
  /** The token of a page that begins with the entry at `index` of this one. */
  tokenBefore(index: number): string;
}

/** What the Logging API serves. */
export interface AuditReader {
  /**
   * Entries that the filter takes, of the activity and the data access log in one order.
   *
   * @throws RpcError INVALID_ARGUMENT for a query that is none, with the place in the filter
   */
  read(query: AuditQuery): Promise<AuditPage>;
  /** Full names of the logs of `projects/P` that hold entries, in order. */
  logNames(parent: string): Promise<string[]>;
}

/** The audit log of a server. */
export interface AuditLog extends AuditWriter, AuditReader {
  /** Follows both chains; rejects only if the store itself cannot be read. */
  verify(check: AuditCheck, signal: AbortSignal): Promise<void>;
  /** Refuses what comes from now on, and leaves the anchor where the log ends. */
  close(): Promise<void>;
}

/** For those who run without an audit log: unit tests, and tools that change nothing. */
export const noAudit: AuditWriter = {
  append: async (entry) => ({ ...entry, insertId: '', timeMs: 0 }),
};
