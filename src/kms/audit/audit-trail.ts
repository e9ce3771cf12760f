import type { AuditEntry, AuditValue } from '../../audit/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import type { KeyChange } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import type { RowWrite } from '../rows/sealed-rows.ts';
import { auditEntryOf } from './audit-entries.ts';
import type { KeyOperation } from './key-operation.ts';

/** What a change is a step of, for the crash tests. */
export type KeyStep = 'Create' | 'Rotate' | 'Destroy' | 'Restore' | 'Change';

export interface CommitOptions {
  readonly step?: KeyStep;
  /** Announced once it is durable, or may be. */
  readonly change?: KeyChange;
  /** Keys of rows that must not exist. */
  readonly absent?: readonly string[];
}

/** The record of one call while it runs: what it writes and how it ends. */
export class AuditTrail {
  isGranted = false;
  readonly #context: KmsContext;
  readonly #call: KeyOperation;
  #response: AuditValue | undefined;
  /** Of a call that writes: drawn once, whatever number of attempts it takes. */
  #id: string | null = null;
  /** The stored entry, once a commit has landed. */
  #stored: AuditEntry | null = null;
  #isInDoubt = false;
  #undos: (() => Promise<void>)[] = [];

  constructor(context: KmsContext, call: KeyOperation) {
    this.#context = context;
    this.#call = call;
  }

  /** What the entry says of the answer: names, states; no bytes. */
  respond(response: Readonly<Record<string, AuditValue>>): void {
    this.#response = response;
  }

  /**
   * What to do if it is certain that no row was written: a key that a token made for it would stay
   * there for ever. Of a write in doubt nothing is undone.
   */
  ifNothingLands(undo: () => Promise<void>): void {
    this.#undos.push(undo);
  }

  /**
   * Writes rows and the call's entry in one transaction; false if a row was at another version. A
   * write that failed may have landed all the same: listeners then hear of it too, and find out
   * from the next call.
   */
  async commit(writes: readonly RowWrite[], options: CommitOptions = {}): Promise<boolean> {
    const { outbox, changes, failpoints } = this.#context;
    await outbox.flush();
    const { step = 'Change', change } = options;
    failpoints(`beforeKey${step}`);
    let mayHaveLanded = true;
    try {
      mayHaveLanded = await this.#write(writes, options.absent ?? []);
    } finally {
      if (mayHaveLanded && change) changes.announce(change);
    }
    if (!mayHaveLanded) await this.#undo();
    this.#undos = [];
    if (mayHaveLanded) failpoints(`afterKey${step}`);
    return mayHaveLanded;
  }

  async #write(writes: readonly RowWrite[], absent: readonly string[]): Promise<boolean> {
    const { outbox, rows } = this.#context;
    const entry = this.#entry();
    if (entry === null) return await rows.commit(writes, { absent });
    this.#id ??= outbox.newId();
    const removed = outbox.takeDone();
    this.#isInDoubt = true;
    let hasLanded = false;
    try {
      hasLanded = await rows.commit([...writes, outbox.rowOf(this.#id, entry)], {
        absent,
        removed,
      });
    } finally {
      if (!hasLanded) outbox.giveBack(removed);
    }
    this.#isInDoubt = false;
    if (hasLanded) this.#stored = entry;
    return hasLanded;
  }

  /**
   * Records that the call succeeded.
   *
   * @throws RpcError UNAVAILABLE if it changed nothing and the audit log cannot be written
   */
  async succeed(): Promise<void> {
    if (this.#stored) return await this.#context.outbox.deliver(this.#id!, this.#stored);
    const entry = this.#entry();
    if (entry) await this.#context.audit.append(entry);
  }

  /** Records that the call failed; or, if its change landed before it did, that change. */
  async fail(error: RpcError): Promise<void> {
    if (this.#isInDoubt) await this.#lookAgain();
    if (this.#stored) return await this.#context.outbox.deliver(this.#id!, this.#stored);
    if (this.#isInDoubt) return;
    await this.#undo();
    const entry = this.#entry(error);
    if (entry) await this.#context.audit.append(entry);
  }

  async #undo(): Promise<void> {
    for (const undo of this.#undos.splice(0)) {
      try {
        await undo();
      } catch (err) {
        this.#context.log.warn({ err }, 'what a failed change had made could not be removed');
      }
    }
  }

  async #lookAgain(): Promise<void> {
    try {
      this.#stored = await this.#context.outbox.find(this.#id!);
      this.#isInDoubt = false;
    } catch {
      this.#context.outbox.keepWaiting(this.#id!);
    }
  }

  #entry(error?: RpcError): AuditEntry | null {
    return auditEntryOf(this.#call, {
      isGranted: this.isGranted,
      ...(error ? { error } : this.#response !== undefined && { response: this.#response }),
    });
  }
}
