import type { AuditEntry, AuditWriter, LoggedEntry } from '../../src/audit/index.ts';
import { RpcError } from '../../src/rpc/index.ts';

/** An audit log in memory that keeps each id once, and can be away. */
export class RecordingAudit implements AuditWriter {
  readonly entries: AuditEntry[] = [];
  isAway = false;
  readonly #ids = new Set<string>();

  async append(entry: AuditEntry, id?: string): Promise<LoggedEntry> {
    if (this.isAway) throw new RpcError('UNAVAILABLE', 'AUDIT_LOG_UNAVAILABLE', 'planned');
    if (id === undefined || !this.#ids.has(id)) this.entries.push(entry);
    if (id !== undefined) this.#ids.add(id);
    return { ...entry, insertId: String(this.entries.length), timeMs: 0 };
  }

  /** `CreateCryptoKey OK`, one each, in order. */
  get outcomes(): string[] {
    return this.entries.map(({ methodName, status }) => `${methodName} ${status?.code ?? 'OK'}`);
  }
}
