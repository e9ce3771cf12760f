import type { AuditKind } from './audit-entry.ts';

/** Told of what becomes of entries. Must not throw, and must return at once. */
export interface AuditObserver {
  /** An entry is durable, `bytes` of the store's more. */
  written(kind: AuditKind, bytes: number): void;
  /** A group of entries took this long from its beginning until it was durable. */
  committed(ms: number): void;
  /** An entry could not be written: its call was refused. */
  failed(kind: AuditKind): void;
  /** The anchor could not be written. */
  anchorFailed(): void;
}

export const noAuditObserver: AuditObserver = {
  written: () => undefined,
  committed: () => undefined,
  failed: () => undefined,
  anchorFailed: () => undefined,
};
