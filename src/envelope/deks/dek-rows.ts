import { assert, type Clock, type Logger } from '../../runtime/index.ts';
import type { KeyStore } from '../../storage/index.ts';
import type { SealedTopic } from '../dek.ts';
import { storageRefusal } from '../storage-refusal.ts';
import { rowDamaged } from './dek-refusal.ts';
import { decodeDekRow, dekRowKey, dekRowPrefix, type DekRow, encodeDekRow } from './dek-row.ts';
import { equalBytes } from '../../crypto/index.ts';

const pageRows = 200;
/** Stands while an erasure still waits for its compaction, so that a crash in between loses none. */
const erasureKey = 'dek-erasure';
/** Topics that are deleted together share one compaction. */
const compactionDelayMs = 1_000;

/**
 * The wrapped DEKs in the environment of the keys, and the compaction that completes an erasure.
 * What the storage refuses is thrown as RpcError, as `storageRefusal` has it.
 */
export class DekRows {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isCompacting = false;
  #cancelCompaction: (() => void) | null = null;

  constructor(store: KeyStore, clock: Clock, log: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Finishes an erasure that a crash interrupted. */
  async resume(): Promise<void> {
    if (await this.#store.get(erasureKey)) this.#compactSoon();
  }

  /** The row, checked to be the one that its key says. Throws DATA_LOSS if it is not, or is absent. */
  async read(topic: SealedTopic, version: number): Promise<DekRow> {
    const stored = await asked(this.#store.get(dekRowKey(topic.uid, version)));
    const row = stored && decodeDekRow(stored.value);
    if (!row || row.version !== version || !equalBytes(row.topicUid, topic.uid)) {
      throw rowDamaged(topic, version);
    }
    return row;
  }

  /** The topic's highest version, 0 if it has none. */
  async newestVersion(topic: SealedTopic): Promise<number> {
    const keys = await this.#keysOf(topic);
    return Number(keys.at(-1)?.slice(dekRowPrefix(topic.uid).length) ?? 0);
  }

  /** Durable when it resolves. False if that version exists: somebody else made it. */
  insert(row: DekRow): Promise<boolean> {
    const key = dekRowKey(row.topicUid, row.version);
    return asked(this.#store.txn([{ key, version: 0 }], [{ key, value: encodeDekRow(row) }]));
  }

  /** Deletes every row of the topic; the compaction follows in the background. */
  async removeAll(topic: SealedTopic): Promise<void> {
    const keys = await this.#keysOf(topic);
    for (let at = 0; at < keys.length; at += pageRows) {
      const deletes = keys.slice(at, at + pageRows).map((key) => ({ key, value: null }));
      const marker = { key: erasureKey, value: Uint8Array.of(1) };
      await asked(this.#store.txn([], [...deletes, marker]));
    }
    if (keys.length > 0) this.#compactSoon();
  }

  close(): void {
    this.#cancelCompaction?.();
    this.#cancelCompaction = null;
  }

  async #keysOf(topic: SealedTopic): Promise<string[]> {
    assert(topic.uid.length === 16, 'a topic uid has 16 bytes');
    const prefix = dekRowPrefix(topic.uid);
    const keys: string[] = [];
    for (;;) {
      const after = keys.at(-1);
      const from = after === undefined ? {} : { after };
      const page = await asked(this.#store.list(prefix, { ...from, limit: pageRows }));
      keys.push(...page.map((row) => row.key));
      if (page.length < pageRows) return keys;
    }
  }

  #compactSoon(): void {
    this.#cancelCompaction ??= this.#clock.schedule(
      this.#clock.monotonicMs() + compactionDelayMs,
      () => {
        this.#cancelCompaction = null;
        void this.#compact();
      },
    );
  }

  async #compact(): Promise<void> {
    if (this.#isCompacting) return this.#compactSoon();
    this.#isCompacting = true;
    try {
      const marker = await this.#store.get(erasureKey);
      await this.#store.compact();
      // A topic that was erased during the compaction has raised the marker's version: it stays.
      const checks = [{ key: erasureKey, version: marker?.version ?? 0 }];
      await this.#store.txn(checks, [{ key: erasureKey, value: null }]);
    } catch (error) {
      this.#log.error(
        { err: error },
        'compaction after an erasure failed; it is tried at next start',
      );
    } finally {
      this.#isCompacting = false;
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
