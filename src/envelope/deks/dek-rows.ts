import { equalBytes } from '../../crypto/index.ts';
import { assert, type Failpoints } from '../../runtime/index.ts';
import type { KeyStore, MetaPut, MetaRow } from '../../storage/index.ts';
import type { SealedTopic } from '../dek.ts';
import { storageRefusal } from '../storage-refusal.ts';
import { encodeReceipt, receiptKey, receiptOf, type ErasureReason } from './dek-receipt.ts';
import { rowDamaged } from './dek-refusal.ts';
import { decodeDekRow, dekRowKey, dekRowPrefix, type DekRow, encodeDekRow } from './dek-row.ts';
import { Erasure, type ErasurePorts } from './erasure.ts';

const pageRows = 200;
/** Rows that one transaction erases, with their receipts. */
const erasedRows = 50;
const attemptsMax = 20;

/** A DEK that goes, and how many messages it had sealed; null: nobody knows. */
export interface SpentDek {
  readonly version: number;
  readonly sealedMessageCount: number | null;
}

/**
 * The wrapped DEKs in the environment of the keys. What the storage refuses is thrown as RpcError,
 * as `storageRefusal` has it.
 */
export class DekRows {
  readonly #store: KeyStore;
  readonly #ports: ErasurePorts;
  readonly #failpoints: Failpoints;
  readonly #erasure: Erasure;

  constructor(ports: ErasurePorts) {
    this.#store = ports.store;
    this.#ports = ports;
    this.#failpoints = ports.failpoints;
    this.#erasure = new Erasure(ports);
  }

  /** Finishes an erasure that a crash interrupted. */
  async resume(): Promise<void> {
    await this.#erasure.resume();
  }

  /** The row, checked to be the one that its key says. Throws DATA_LOSS if it is not, or is absent. */
  async read(topic: SealedTopic, version: number): Promise<DekRow> {
    const row = await this.#read(topic, version);
    if (row === null) throw rowDamaged(topic, version);
    return row.row;
  }

  /** The topic's highest version, 0 if it has none. */
  async newestVersion(topic: SealedTopic): Promise<number> {
    const rows = await this.#rowsOf(topic);
    return Number(rows.at(-1)?.key.slice(dekRowPrefix(topic.uid).length) ?? 0);
  }

  /** Every row that can be read, of one topic or of all, in the order of uids and versions. */
  async *all(topic: SealedTopic | null): AsyncGenerator<DekRow> {
    const prefix = topic === null ? 'dek/' : dekRowPrefix(topic.uid);
    for await (const { value } of this.#pages(prefix)) {
      const row = decodeDekRow(value);
      if (row !== null) yield row;
    }
  }

  /** Durable when it resolves. False if that version exists: somebody else made it. */
  insert(row: DekRow): Promise<boolean> {
    const key = dekRowKey(row.topicUid, row.version);
    return asked(this.#store.txn([{ key, version: 0 }], [{ key, value: encodeDekRow(row) }]));
  }

  /**
   * Replaces a row by what `change` makes of it, compared and set: null leaves it. The old bytes
   * leave with the next compaction. Null if there is no such row, or none any more.
   */
  async replace(
    topic: SealedTopic,
    version: number,
    change: (row: DekRow) => Promise<DekRow | null>,
  ): Promise<{ readonly row: DekRow; readonly isChanged: boolean } | null> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const stored = await this.#read(topic, version);
      if (stored === null) return null;
      const row = await change(stored.row);
      if (row === null) return { row: stored.row, isChanged: false };
      const key = dekRowKey(topic.uid, version);
      const puts = [{ key, value: encodeDekRow(row) }, this.#erasure.marker];
      this.#failpoints('beforeDekRewrap');
      const isDone = await asked(this.#store.txn([{ key, version: stored.rowVersion }], puts));
      if (!isDone) continue;
      this.#failpoints('afterDekRewrap');
      this.#erasure.later();
      return { row, isChanged: true };
    }
    throw rowDamaged(topic, version);
  }

  /** Deletes rows; the compaction follows in the background, and after it the receipts. */
  async erase(
    topic: SealedTopic,
    spent: readonly SpentDek[],
    reason: ErasureReason = 'NO_MESSAGES_LEFT',
  ): Promise<void> {
    for (let at = 0; at < spent.length; at += erasedRows) {
      const some = spent.slice(at, at + erasedRows);
      for (let attempt = 0; !(await this.#erased(topic, some, reason)); attempt++) {
        assert(attempt < attemptsMax, 'rows that are erased do not change for ever');
      }
    }
  }

  /** Deletes every row of the topic. */
  async removeAll(
    topic: SealedTopic,
    sealedCount: (version: number) => number | null,
  ): Promise<void> {
    const prefix = dekRowPrefix(topic.uid);
    const versions = (await this.#rowsOf(topic)).map(({ key }) => Number(key.slice(prefix.length)));
    await this.erase(
      topic,
      versions.map((version) => ({ version, sealedMessageCount: sealedCount(version) })),
      'TOPIC_DELETED',
    );
    if (versions.length > 0) this.#erasure.soon();
  }

  close(): void {
    this.#erasure.close();
  }

  /** False if a row changed meanwhile, with nothing done. */
  async #erased(
    topic: SealedTopic,
    spent: readonly SpentDek[],
    reason: ErasureReason,
  ): Promise<boolean> {
    const checks: { key: string; version: number }[] = [];
    const puts: MetaPut[] = [];
    const eraseTimeMs = this.#ports.clock.wallMs();
    for (const { version, sealedMessageCount } of spent) {
      const key = dekRowKey(topic.uid, version);
      const stored = await asked(this.#store.get(key));
      if (stored === null) continue;
      checks.push({ key, version: stored.version });
      puts.push({ key, value: null });
      const row = decodeDekRow(stored.value);
      if (row === null) continue;
      const receipt = receiptOf(topic.name, row, { eraseTimeMs, sealedMessageCount, reason });
      puts.push({ key: receiptKey(row), value: encodeReceipt(receipt) });
    }
    if (puts.length === 0) return true;
    this.#failpoints('beforeDekErase');
    const isDone = await asked(this.#store.txn(checks, [...puts, this.#erasure.marker]));
    if (!isDone) return false;
    this.#failpoints('afterDekErase');
    this.#erasure.later();
    return true;
  }

  async #read(
    topic: SealedTopic,
    version: number,
  ): Promise<{ readonly row: DekRow; readonly rowVersion: number } | null> {
    const stored = await asked(this.#store.get(dekRowKey(topic.uid, version)));
    const row = stored && decodeDekRow(stored.value);
    if (!row || row.version !== version || !equalBytes(row.topicUid, topic.uid)) return null;
    return { row, rowVersion: stored.version };
  }

  async #rowsOf(topic: SealedTopic): Promise<MetaRow[]> {
    assert(topic.uid.length === 16, 'a topic uid has 16 bytes');
    const rows: MetaRow[] = [];
    for await (const row of this.#pages(dekRowPrefix(topic.uid))) rows.push(row);
    return rows;
  }

  async *#pages(prefix: string): AsyncGenerator<MetaRow> {
    let after: string | undefined;
    for (;;) {
      const from = after === undefined ? {} : { after };
      const page = await asked(this.#store.list(prefix, { ...from, limit: pageRows }));
      yield* page;
      if (page.length < pageRows) return;
      after = page.at(-1)!.key;
    }
  }
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw storageRefusal(error);
  }
}
