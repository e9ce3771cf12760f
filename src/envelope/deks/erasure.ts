import type { Cancel, Clock, Failpoints, Logger } from '../../runtime/index.ts';
import type { KeyStore, MetaPut, MetaRow } from '../../storage/index.ts';
import { decodeReceipt, type ErasureJournal, receiptId, receiptPrefix } from './dek-receipt.ts';

/** Stands while an erasure still waits for its compaction, so that a crash in between loses none. */
export const erasureKey = 'dek-erasure';
/** Rows that are erased together share one compaction. */
const compactionDelayMs = 1_000;
/** What is erased bit by bit is compacted so seldom. */
const compactionPauseMs = 30_000;
/** Until what failed is tried again. */
const retryMs = 60_000;
const receiptsMax = 500;

export interface ErasurePorts {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failpoints: Failpoints;
  readonly journal: ErasureJournal;
}

/**
 * Completes erasures in the environment of the keys: rewrites it without free pages, and only then
 * hands the receipts to the journal. Where a crash came between, the next start goes on.
 */
export class Erasure {
  readonly #ports: ErasurePorts;
  #isUnderWay = false;
  #isClosed = false;
  #lastMs = -Infinity;
  #cancel: Cancel | null = null;
  #dueMs = Infinity;

  constructor(ports: ErasurePorts) {
    this.#ports = ports;
  }

  /** Goes into every transaction that deletes or replaces wrapped bytes. */
  get marker(): MetaPut {
    return { key: erasureKey, value: Uint8Array.of(1) };
  }

  /** Finishes what a crash interrupted. */
  async resume(): Promise<void> {
    const { store } = this.#ports;
    const isLeft = (await store.get(erasureKey)) ?? (await this.#receipts(1))[0];
    if (isLeft) this.soon();
  }

  /** After such a transaction, where somebody asked for it. */
  soon(): void {
    this.#at(this.#ports.clock.monotonicMs() + compactionDelayMs);
  }

  /** After one of many that follow each other. */
  later(): void {
    const soonMs = this.#ports.clock.monotonicMs() + compactionDelayMs;
    this.#at(Math.max(soonMs, this.#lastMs + compactionPauseMs));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #at(atMs: number): void {
    if (this.#isClosed || atMs >= this.#dueMs) return;
    this.#cancel?.();
    this.#dueMs = atMs;
    this.#cancel = this.#ports.clock.schedule(atMs, () => {
      this.#cancel = null;
      this.#dueMs = Infinity;
      void this.#complete();
    });
  }

  async #complete(): Promise<void> {
    if (this.#isUnderWay) return this.soon();
    this.#isUnderWay = true;
    const { clock, log } = this.#ports;
    try {
      this.#lastMs = clock.monotonicMs();
      const receipts = await this.#receipts(receiptsMax);
      await this.#compact();
      for (const row of receipts) if (!this.#isClosed) await this.#tell(row);
      if (receipts.length === receiptsMax) this.soon();
    } catch (error) {
      // The stores close meanwhile: the next start goes on.
      if (this.#isClosed) return;
      log.error({ err: error }, 'an erasure could not be completed; it is tried again');
      this.#at(clock.monotonicMs() + retryMs);
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #compact(): Promise<void> {
    const { store } = this.#ports;
    const marker = await store.get(erasureKey);
    if (marker === null) return;
    await store.compact();
    // What was erased during the compaction has raised the marker's version: it stays.
    await store.txn(
      [{ key: erasureKey, version: marker.version }],
      [{ key: erasureKey, value: null }],
    );
  }

  #receipts(limit: number): Promise<MetaRow[]> {
    return this.#ports.store.list(receiptPrefix, { limit });
  }

  async #tell({ key, value }: MetaRow): Promise<void> {
    const { store, journal, log, failpoints } = this.#ports;
    const receipt = decodeReceipt(value);
    if (receipt === null) log.error({ key }, 'an erasure receipt cannot be read');
    else {
      failpoints('beforeErasureReceipt');
      await journal.erased(receipt, receiptId(receipt));
      failpoints('afterErasureReceipt');
    }
    await store.txn([], [{ key, value: null }]);
  }
}
