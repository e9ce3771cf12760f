import type { AuditEntry, AuditWriter } from '../../audit/index.ts';
import { draw, type Entropy, type Failpoints, type Logger } from '../../runtime/index.ts';
import { auditOutboxTable } from '../rows/records.ts';
import { type RowWrite, rowWrite, type SealedRows } from '../rows/sealed-rows.ts';

const entryIdBytes = 16;
/** Rows that may stay when they are done with: fewer than the ids that the log surely remembers. */
const doneMax = 64;
/** Rows that do stay: on a full disk new ones take their places. */
const doneKept = 16;

export interface AuditOutboxOptions {
  readonly rows: SealedRows;
  readonly audit: AuditWriter;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly failpoints: Failpoints;
}

/**
 * Entries of changes on their way to the audit log. A change and its entry are one transaction of
 * the key store; the row goes when the log has the entry, with the next change. So neither is ever
 * there without the other, whatever instruction a crash comes at.
 *
 * A row takes the place of one that is done with: a version can be disabled on a full disk.
 */
export class AuditOutbox {
  readonly #options: AuditOutboxOptions;
  /** Rows whose entry is in the log. */
  readonly #done = new Set<string>();
  /** Ids that may be in a row and not yet in the log. */
  readonly #waiting = new Set<string>();

  constructor(options: AuditOutboxOptions) {
    this.#options = options;
  }

  newId(): string {
    return Buffer.from(draw(this.#options.entropy, entryIdBytes)).toString('hex');
  }

  rowOf(id: string, entry: AuditEntry): RowWrite {
    return rowWrite(auditOutboxTable, { id, version: 0 }, entry);
  }

  /** Keys of rows to be deleted with a commit; `giveBack` those of one that did not land. */
  takeDone(): readonly string[] {
    const keys = [...this.#done];
    this.#done.clear();
    return keys;
  }

  giveBack(keys: readonly string[]): void {
    for (const key of keys) this.#done.add(key);
  }

  /** The row of `id`, if it is there: whether a commit in doubt has landed. */
  async find(id: string): Promise<AuditEntry | null> {
    return (await this.#options.rows.get(auditOutboxTable, id))?.record ?? null;
  }

  /** Brings a stored entry to the log; if that fails it stays, and the next change tries again. */
  async deliver(id: string, entry: AuditEntry): Promise<void> {
    try {
      await this.#append(id, entry);
    } catch (error) {
      this.keepWaiting(id);
      this.#options.log.warn({ err: error, entryId: id }, 'an audit entry waits for the audit log');
    }
  }

  /** Of a commit in doubt: looked up before the next change. */
  keepWaiting(id: string): void {
    this.#waiting.add(id);
  }

  /**
   * Brings what waits to the log. Called before each change: what cannot be recorded is not done.
   *
   * @throws RpcError UNAVAILABLE if the audit log cannot be written
   */
  async flush(): Promise<void> {
    for (const id of this.#waiting) {
      const entry = await this.find(id);
      if (entry) await this.#append(id, entry);
      this.#waiting.delete(id);
    }
  }

  /** Appends what a crash left behind; the log knows the ids that it has. */
  async recover(): Promise<void> {
    const { rows, log } = this.#options;
    const onDamaged = (err: unknown): void =>
      log.error({ err }, 'a waiting audit entry is damaged: it is not in the audit log');
    for await (const { id, record } of rows.each(auditOutboxTable, onDamaged)) {
      await this.deliver(id, record);
    }
  }

  async #append(id: string, entry: AuditEntry): Promise<void> {
    this.#options.failpoints('beforeAuditDelivery');
    await this.#options.audit.append(entry, id);
    this.#options.failpoints('afterAuditDelivery');
    this.#done.add(auditOutboxTable.prefix + id);
    if (this.#done.size > doneMax) await this.#clear();
  }

  /** After many changes at once; what cannot be deleted goes with the next change. */
  async #clear(): Promise<void> {
    const keys = [...this.#done].slice(0, -doneKept);
    for (const key of keys) this.#done.delete(key);
    try {
      await this.#options.rows.commit([], { removed: keys });
    } catch (err) {
      this.giveBack(keys);
      this.#options.log.warn({ err }, 'delivered audit entries cannot be deleted yet');
    }
  }
}
