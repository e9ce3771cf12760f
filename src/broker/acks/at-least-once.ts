import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Backlog } from '../delivery/backlog.ts';
import type { FoundLease } from '../delivery/backlog-options.ts';
import type { BrokerObserver } from '../observer.ts';
import type { SettleResult } from '../service.ts';
import type { AckLog } from './ack-log.ts';
import { AckedRuns } from './acked-runs.ts';
import { DeadlineChange } from './deadline-change.ts';
import type { RecentAcksBudget } from './recent-acks.ts';

export interface SettlerOptions {
  readonly subscription: string;
  readonly backlog: Backlog;
  readonly ackLog: AckLog;
  readonly clock: Clock;
  readonly observer: BrokerObserver;
  /** Messages of one ordering key come in their order. */
  readonly keepsOrder: boolean;
  /** Shared by all subscriptions. */
  readonly recentAcks: RecentAcksBudget;
}

/**
 * Settling where a message may come again: a late ack still counts, and what an id names no more
 * is passed over. In memory; the log makes it durable.
 */
export class AtLeastOnce {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Throws INVALID_ARGUMENT, with nothing done, if an id is malformed. */
  acknowledge(ackIds: readonly string[]): void {
    const found = this.#found(ackIds);
    this.#end(found.filter((each) => this.#counts(each)));
  }

  /** An id whose message is gone was acknowledged before, or its retention is over. */
  acknowledgeEach(ackIds: readonly string[]): SettleResult[] {
    const leases: FoundLease[] = [];
    const results = ackIds.map((ackId): SettleResult => {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') return 'invalid';
      if (typeof found === 'object' && this.#counts(found)) leases.push(found);
      return 'done';
    });
    this.#end(leases);
    return results;
  }

  /** Throws as `acknowledge` does. 0 gives a message back. */
  modify(ackIds: readonly string[], seconds: number): void {
    const found = this.#found(ackIds);
    const change = new DeadlineChange(this.#options);
    for (const { lease, isCurrent } of found) if (isCurrent) change.move(lease, seconds);
    change.end();
  }

  /** `seconds` of each id, or of all. */
  modifyEach(ackIds: readonly string[], seconds: number | readonly number[]): SettleResult[] {
    const change = new DeadlineChange(this.#options);
    const results = ackIds.map((ackId, i): SettleResult => {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') return 'invalid';
      if (typeof found === 'string' || !found.isCurrent) return 'expired';
      change.move(found.lease, typeof seconds === 'number' ? seconds : (seconds[i] ?? 0));
      return 'done';
    });
    change.end();
    return results;
  }

  /**
   * In order, only the last delivery counts: a message that waits again brings back what follows
   * it. Of what a restart left it is not known whether it has an order before it was looked at.
   */
  #counts({ lease, isLatest }: FoundLease): boolean {
    if (isLatest || !this.#options.keepsOrder) return true;
    return lease.isScanned && lease.queue === null;
  }

  #found(ackIds: readonly string[]): FoundLease[] {
    const leases: FoundLease[] = [];
    for (const ackId of ackIds) {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') throw malformedAckId(ackId);
      if (typeof found === 'object') leases.push(found);
    }
    return leases;
  }

  #end(found: readonly FoundLease[]): void {
    const { backlog, observer, subscription, clock } = this.#options;
    const runs = new AckedRuns(observer, subscription, clock.monotonicMs());
    for (const { lease } of found) if (backlog.acknowledge(lease) !== 'void') runs.add(lease);
    runs.end();
  }
}

function malformedAckId(ackId: string): RpcError {
  const shown = ackId.length > 200 ? `${ackId.slice(0, 200)}…` : ackId;
  return new RpcError(
    'INVALID_ARGUMENT',
    'BAD_ACK_ID',
    `You have passed an invalid ack ID to the service (ack_id=${shown}).`,
  );
}
