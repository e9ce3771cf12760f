import type { LeaseRecord } from './lease-record.ts';

/** Where acknowledgements go that a backlog has taken: to the disk, or nowhere. */
export interface AckLog {
  /** Notes an acknowledgement that the backlog has taken; nothing is durable yet. */
  add(sequence: number): void;
  /** Notes a range [first, end) that is done without a delivery; durable before long. */
  addRange(first: number, end: number): void;
  /** Notes that everything below the backlog's floor is done, by retention. */
  floorRaised(): void;
  /**
   * The backlog was replaced, and counts a new generation: what was noted before is forgotten, and
   * the next write is the whole state in one commit.
   */
  reset(): void;
  /**
   * Exactly once: resolves when these leases, or their new deadlines, are durable. Rejects with an
   * RpcError; then none of them counts after a restart.
   */
  leased(leases: readonly LeaseRecord[]): Promise<void>;
  /** Resolves when all that was noted so far is durable. */
  flush(): Promise<void>;
  /** Makes what was noted durable before long, with nobody waiting. */
  flushSoon(): void;
  /** Writes the whole state as one snapshot, so that the next start reads little. */
  compact(): Promise<void>;
  /** Writes no more; resolves when nothing is under way. */
  close(): Promise<void>;
}

const nothing = (): void => undefined;
const nothingSoon = (): Promise<void> => Promise.resolve();

/** Of what need not outlive the process: the backlog in memory is all the state there is. */
export const volatileAckLog: AckLog = {
  add: nothing,
  addRange: nothing,
  floorRaised: nothing,
  reset: nothing,
  leased: nothingSoon,
  flush: nothingSoon,
  flushSoon: nothing,
  compact: nothingSoon,
  close: nothingSoon,
};
