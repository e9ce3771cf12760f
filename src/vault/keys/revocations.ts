import type { Revision, RevisionName } from '../services/service.ts';

/** What a revocation has in store for a revision's instances. */
export interface PendingShutdown {
  readonly revision: RevisionName;
  readonly key: string;
  /** When its instances are stopped; wall ms. Stored: survives restarts. */
  readonly deadlineMs: number;
}

/**
 * Turns states of keys into what happens to instances: nothing, or all of a revision's stopped at a
 * stored deadline. Cancelled by restoration.
 */
export interface Revocations {
  /** A revision exists from now on, or again after a restart; no longer. */
  add(revision: Revision): Promise<void>;
  remove(name: RevisionName): Promise<void>;
  pending(): readonly PendingShutdown[];
}

/** What it acts upon. */
export interface RevocationTarget {
  /** Stops every instance of a revision, and resolves when none runs. */
  shutDown(revision: RevisionName, why: string): Promise<void>;
  /** Something that the owner should read in the service's log. */
  note(revision: RevisionName, severity: 'INFO' | 'WARNING' | 'ERROR', text: string): void;
}
