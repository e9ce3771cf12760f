import {
  canonicalMember,
  type PolicyMembers,
  type PolicyRecord,
  type PolicySource,
} from '../../iam/index.ts';
import type { Logger } from '../../runtime/index.ts';
import { policyTable, projectNumberTable } from '../rows/records.ts';
import type { SealedRows } from '../rows/sealed-rows.ts';

interface Entry {
  /** The row's version. */
  readonly version: number;
  readonly record: PolicyRecord;
}

/**
 * All policies, in memory beside their rows, so that a decision waits for nothing. What a row holds
 * is not known for sure while a write of it is in doubt: until then it grants nothing.
 */
export class PolicyBook implements PolicySource, PolicyMembers {
  readonly #rows: SealedRows;
  readonly #log: Logger;
  readonly #policies = new Map<string, Entry>();
  readonly #projectIds = new Map<string, string>();
  readonly #listeners = new Set<() => void>();

  private constructor(rows: SealedRows, log: Logger) {
    this.#rows = rows;
    this.#log = log;
  }

  /** Reads what is stored. A damaged row is logged, and grants nothing. */
  static async open(rows: SealedRows, log: Logger): Promise<PolicyBook> {
    const book = new PolicyBook(rows, log);
    const onDamaged = (err: unknown): void =>
      log.error({ err }, 'a policy is damaged: it grants nothing');
    for await (const { id, version, record } of rows.each(policyTable, onDamaged)) {
      book.#policies.set(id, { version, record });
    }
    for await (const { id, record } of rows.each(projectNumberTable, onDamaged)) {
      book.#projectIds.set(id, record.projectId);
    }
    return book;
  }

  policyOf(resource: string): PolicyRecord | undefined {
    return this.#policies.get(resource)?.record;
  }

  namesOutside(member: string, projectId: string): boolean {
    const named = canonicalMember(member);
    const project = `projects/${projectId}`;
    for (const [resource, { record }] of this.#policies) {
      if (resource === project || resource.startsWith(`${project}/`)) continue;
      const { bindings } = record;
      if (bindings.some(({ members }) => members.some((one) => canonicalMember(one) === named))) {
        return true;
      }
    }
    return false;
  }

  projectIdOf(idOrNumber: string): string {
    return this.#projectIds.get(idOrNumber) ?? idOrNumber;
  }

  onChange(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  projectNumbered(projectNumber: string, projectId: string): void {
    this.#projectIds.set(projectNumber, projectId);
  }

  /** What was made durable. Of two writes the later one holds, whichever is told first. */
  put(resource: string, version: number, record: PolicyRecord): void {
    const known = this.#policies.get(resource);
    if (known !== undefined && known.version >= version) return;
    this.#policies.set(resource, { version, record });
    this.#announce();
  }

  /** A write that may have landed: nothing is granted by this policy until it is read again. */
  async reread(resource: string): Promise<void> {
    this.#policies.delete(resource);
    this.#announce();
    try {
      const row = await this.#rows.get(policyTable, resource);
      if (row !== null) this.put(resource, row.version, row.record);
    } catch (err) {
      this.#log.error({ err, resource }, 'a policy cannot be read: it grants nothing');
    }
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (err) {
        this.#log.error({ err }, 'a listener of policy changes failed');
      }
    }
  }
}
