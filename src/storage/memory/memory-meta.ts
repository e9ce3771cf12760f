import { checkMetaKey } from '../bounds.ts';
import type { KeyStore, MetaCheck, MetaPut, MetaRow, MetaStore } from '../meta-store.ts';
import { StorageError } from '../storage-error.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { MemoryQueue } from './memory-queue.ts';

/** Metadata rows in memory, behind the same queue as the appends. */
export class MemoryMetaStore implements MetaStore {
  readonly #rows = new Map<string, MetaRow>();
  readonly #queue: MemoryQueue;
  readonly #faults: FaultPlan;

  constructor(queue: MemoryQueue, faults: FaultPlan) {
    this.#queue = queue;
    this.#faults = faults;
  }

  async get(key: string): Promise<MetaRow | null> {
    this.#queue.assertOpen();
    const row = this.#rows.get(key);
    return row ? copyOf(row) : null;
  }

  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<MetaRow[]> {
    this.#queue.assertOpen();
    const { after, limit } = options;
    const isWanted = (key: string): boolean =>
      key.startsWith(prefix) && (after === undefined || compareBytes(key, after) > 0);
    const keys = [...this.#rows.keys()].filter(isWanted).toSorted(compareBytes);
    return keys.slice(0, limit).map((key) => copyOf(this.#rows.get(key)!));
  }

  async txn(checks: readonly MetaCheck[], puts: readonly MetaPut[]): Promise<boolean> {
    for (const { key } of [...checks, ...puts]) checkMetaKey(key);
    return this.#queue.run(() => this.#apply(checks, puts));
  }

  #apply(checks: readonly MetaCheck[], puts: readonly MetaPut[]): boolean {
    const fault = this.#faults.take();
    if (fault === 'conflict') return false;
    const passed = checks.every(
      ({ key, version }) => (this.#rows.get(key)?.version ?? 0) === version,
    );
    if (!passed) return false;
    if (fault !== 'unknown-lost') for (const put of puts) this.#put(put);
    if (fault !== null) throw new StorageError('io', 'A planned fault: it may have landed');
    return true;
  }

  #put({ key, value }: MetaPut): void {
    if (value === null) this.#rows.delete(key);
    else {
      const version = (this.#rows.get(key)?.version ?? 0) + 1;
      this.#rows.set(key, { key, value: value.slice(), version });
    }
  }
}

/** The key environment in memory: the same rows, nothing to compact. */
export class MemoryKeyStore extends MemoryMetaStore implements KeyStore {
  readonly #keyQueue: MemoryQueue;

  constructor(queue: MemoryQueue, faults: FaultPlan) {
    super(queue, faults);
    this.#keyQueue = queue;
  }

  /** Rows that were deleted are gone already; only waits its turn. */
  compact(): Promise<void> {
    return this.#keyQueue.run(() => undefined);
  }

  close(): Promise<void> {
    return this.#keyQueue.close();
  }
}

function copyOf(row: MetaRow): MetaRow {
  return { ...row, value: row.value.slice() };
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
