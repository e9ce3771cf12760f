import type { MetaRow } from '../../storage/index.ts';
import type { RevisionName } from '../services/service.ts';
import type { RevocationCause } from './key-state.ts';

/** A shutdown that a revocation began, as it is stored. */
export interface StoredShutdown {
  readonly revision: RevisionName;
  readonly key: string;
  readonly cause: RevocationCause;
  /** Wall ms. */
  readonly deadlineMs: number;
  /** Its instances were stopped; it stays so until the key works. */
  readonly isDone: boolean;
}

export const shutdownPrefix = 'vault/shutdown/';

const format = 1;
const utf8 = new TextEncoder();

export function shutdownRowKey({ project, location, serviceId, revisionId }: RevisionName): string {
  return `${shutdownPrefix}${project}/${location}/${serviceId}/${revisionId}`;
}

export function encodeShutdown(shutdown: StoredShutdown): Uint8Array {
  return utf8.encode(JSON.stringify({ format, ...shutdown }));
}

/** Null for what is no such row. */
export function decodeShutdown({
  key,
  value,
}: Pick<MetaRow, 'key' | 'value'>): StoredShutdown | null {
  try {
    const row = JSON.parse(Buffer.from(value).toString()) as StoredShutdown & { format: number };
    const { revision, cause, deadlineMs, isDone } = row;
    const isOurs = row.format === format && shutdownRowKey(revision) === key;
    const isWhole = Number.isSafeInteger(deadlineMs) && typeof isDone === 'boolean';
    return isOurs && isWhole ? { revision, key: row.key, cause, deadlineMs, isDone } : null;
  } catch {
    return null;
  }
}
