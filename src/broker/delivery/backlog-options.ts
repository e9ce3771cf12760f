import type { AckIds } from './ack-id.ts';
import type { DeadlineWheel } from './deadline-wheel.ts';
import type { Lease } from './lease.ts';
import type { LeaseBudget } from './lease-budget.ts';

/** What became of an acknowledgement. */
export type Acknowledged =
  | 'done'
  /** Kept: it takes effect with those of the earlier messages of its ordering key. */
  | 'ahead'
  /** Nothing happened. */
  | 'void';

/** What an ack id of an unacknowledged message names. */
export interface FoundLease {
  readonly lease: Lease;
  /** It is of the message's last delivery, which nothing has made void. */
  readonly isLatest: boolean;
  /** The message is outstanding by it. */
  readonly isCurrent: boolean;
}

/** A delivery from before a restart. */
export interface RestoredLease {
  readonly sequence: number;
  readonly attempt: number;
  readonly failures: number;
  readonly ackEpoch: number;
  /** Monotonic. */
  readonly deadlineMs: number;
  /** False: it has to be looked at, for its ordering key. */
  readonly isScanned: boolean;
}

/** When a message that failed comes again: monotonic ms, 0 for at once; or that it does not. */
export type Redelivery = number | 'forward';

export interface BacklogOptions {
  readonly wheel: DeadlineWheel;
  readonly ackIds: AckIds;
  readonly budget: LeaseBudget;
  readonly frontier: number;
  /** Sequences below the frontier that are not acknowledged, ascending. */
  readonly holes: Iterable<number>;
  /** A message became available again, or a consumer has room again. */
  readonly onAvailable: () => void;
  /** The deadline of an outstanding message has passed; it fails right after. */
  readonly onExpired: (lease: Lease) => void;
  /** The id of an outstanding message counts no more: an earlier one of its ordering key failed. */
  readonly onVoided: (lease: Lease) => void;
  /** A message failed, by a nack or its deadline: what then? */
  readonly redeliver: (lease: Lease) => Redelivery;
  /** A message is `forwarding` now. */
  readonly onForward: (lease: Lease) => void;
  /** A message that had a lease is done for good. */
  readonly onEnded: (sequence: number) => void;
  /** The filter keeps a message away that had none. */
  readonly onPassed: (sequence: number) => void;
}
