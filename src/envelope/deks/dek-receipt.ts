import { createHash } from 'node:crypto';

import { dekRowKey, type DekRow } from './dek-row.ts';

/** Why a DEK went: nothing that is stored names it any more, or its topic was deleted. */
export type ErasureReason = 'NO_MESSAGES_LEFT' | 'TOPIC_DELETED';

/** What is left of a DEK whose row was erased: enough to say which it was, and no key. */
export interface ErasureReceipt {
  readonly topicName: string;
  /** In hex. With the version it is the DEK's id. */
  readonly topicUid: string;
  readonly dekVersion: number;
  /** What wrapped it when it went. */
  readonly kekVersionName: string;
  /** SHA-256 of the wrapped bytes that were stored, in hex. */
  readonly wrappedSha256: string;
  /** Milliseconds since the Unix epoch, as `eraseTimeMs`. */
  readonly createTimeMs: number;
  /** When its row was deleted; the compaction that follows was over before this was told. */
  readonly eraseTimeMs: number;
  /** Messages that it had sealed; null: not known. */
  readonly sealedMessageCount: number | null;
  /** Absent from receipts that an older version put down. */
  readonly reason?: ErasureReason;
}

/** Where receipts go for good. */
export interface ErasureJournal {
  /**
   * Durable when it resolves. A receipt comes again after a crash; `id` (32 hex digits) is the same
   * then, and makes it once only.
   */
  erased(receipt: ErasureReceipt, id: string): Promise<void>;
}

export const noJournal: ErasureJournal = { erased: async () => undefined };

/** Receipts that are not yet in the journal. */
export const receiptPrefix = 'dek-receipt/';

export function receiptKey(row: DekRow): string {
  return receiptPrefix + dekRowKey(row.topicUid, row.version).slice('dek/'.length);
}

export function receiptOf(
  topicName: string,
  row: DekRow,
  of: Pick<ErasureReceipt, 'eraseTimeMs' | 'sealedMessageCount' | 'reason'>,
): ErasureReceipt {
  return {
    topicName,
    topicUid: Buffer.from(row.topicUid).toString('hex'),
    dekVersion: row.version,
    kekVersionName: row.kekVersionName,
    wrappedSha256: createHash('sha256').update(row.wrapped).digest('hex'),
    createTimeMs: row.createTimeMs,
    ...of,
  };
}

/** The same for the same DEK, whenever it is asked. */
export function receiptId({ topicUid, dekVersion }: ErasureReceipt): string {
  const text = `sealpost/erasure-receipt/v1/${topicUid}/${dekVersion}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export function encodeReceipt(receipt: ErasureReceipt): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(receipt));
}

/** Null unless it is one. */
export function decodeReceipt(bytes: Uint8Array): ErasureReceipt | null {
  try {
    const receipt = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
    return isReceipt(receipt) ? receipt : null;
  } catch {
    return null;
  }
}

function isReceipt(value: unknown): value is ErasureReceipt {
  if (typeof value !== 'object' || value === null) return false;
  const { topicName, topicUid, dekVersion } = value as Partial<ErasureReceipt>;
  return typeof topicName === 'string' && typeof topicUid === 'string' && dekVersion !== undefined;
}
