import type { AuditEntry, LoggedEntry } from './audit-entry.ts';

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

/** For those who run without an audit log: unit tests, and tools that change nothing. */
export const noAudit: AuditWriter = {
  append: async (entry) => ({ ...entry, insertId: '', timeMs: 0 }),
};
