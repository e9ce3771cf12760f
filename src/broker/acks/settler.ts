import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Backlog } from '../delivery/backlog.ts';
import type { Lease } from '../delivery/lease.ts';
import { TypeRuns } from '../delivery/type-runs.ts';
import type { BrokerObserver } from '../observer.ts';
import type { SettleResult } from '../service.ts';
import type { AckLog } from './ack-log.ts';

export interface SettlerOptions {
  readonly subscription: string;
  readonly backlog: Backlog;
  readonly ackLog: AckLog;
  readonly clock: Clock;
  readonly observer: BrokerObserver;
}

/**
 * Ends, extends and gives back what ack ids name, in memory; the log makes it durable. The observer
 * is told once for each request, and once for all deadlines that pass together.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #expired: TypeRuns;

  constructor(options: SettlerOptions) {
    const { observer, subscription } = options;
    this.#options = options;
    this.#expired = new TypeRuns((type, count) => observer.expired(subscription, type, count));
  }

  /** Throws INVALID_ARGUMENT, with nothing done, if an id is malformed. */
  acknowledge(ackIds: readonly string[]): void {
    this.#end(this.#leasesOf(ackIds).map(({ lease }) => lease));
  }

  /** An id whose message is gone was acknowledged before, or its retention is over. */
  acknowledgeEach(ackIds: readonly string[]): SettleResult[] {
    const leases: Lease[] = [];
    const results = ackIds.map((ackId): SettleResult => {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') return 'invalid';
      if (found !== 'gone') leases.push(found.lease);
      return 'done';
    });
    this.#end(leases);
    return results;
  }

  /** Throws as `acknowledge` does. 0 gives a message back. */
  modify(ackIds: readonly string[], seconds: number): void {
    const change = new DeadlineChange(this.#options);
    for (const { lease, isCurrent } of this.#leasesOf(ackIds)) {
      if (isCurrent) change.move(lease, seconds);
    }
    change.end();
  }

  /** `seconds` of each id, or of all. */
  modifyEach(ackIds: readonly string[], seconds: number | readonly number[]): SettleResult[] {
    const change = new DeadlineChange(this.#options);
    const results = ackIds.map((ackId, i): SettleResult => {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') return 'invalid';
      if (found === 'gone' || !found.isCurrent) return 'expired';
      change.move(found.lease, typeof seconds === 'number' ? seconds : (seconds[i] ?? 0));
      return 'done';
    });
    change.end();
    return results;
  }

  /** Gives a message back that is to come again only at `untilMs` of the monotonic clock. */
  delay(ackId: string, untilMs: number): void {
    const { backlog, observer, subscription } = this.#options;
    const found = backlog.find(ackId);
    if (typeof found === 'string' || !found.isCurrent) return;
    observer.nacked(subscription, found.lease.type, 1);
    backlog.fail(found.lease, untilMs);
  }

  /** Gives a message back that nobody was asked to take: no failure. */
  giveBack(ackId: string): void {
    const found = this.#options.backlog.find(ackId);
    if (typeof found !== 'string' && found.isCurrent) this.#options.backlog.giveBack(found.lease);
  }

  /** The backlog's news: the deadline of a lease has passed. */
  expired(lease: Lease): void {
    // Reported when the turn of the wheel is over, all together.
    if (this.#expired.isEmpty) queueMicrotask(() => this.#expired.end());
    this.#expired.add(lease.type);
  }

  #leasesOf(ackIds: readonly string[]): { lease: Lease; isCurrent: boolean }[] {
    const leases = [];
    for (const ackId of ackIds) {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') throw malformedAckId(ackId);
      if (found !== 'gone') leases.push(found);
    }
    return leases;
  }

  #end(leases: readonly Lease[]): void {
    const { backlog, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    let type = leases[0]?.type ?? 'pull';
    let latenciesMs: number[] = [];
    let untimedCount = 0;
    for (const lease of leases) {
      if (backlog.acknowledge(lease) === 'void') continue;
      if (lease.type !== type) {
        this.#tellAcked(type, latenciesMs, untimedCount);
        type = lease.type;
        latenciesMs = [];
        untimedCount = 0;
      }
      if (lease.deliveredMs < 0) untimedCount++;
      else latenciesMs.push(Math.max(0, nowMs - lease.deliveredMs));
    }
    this.#tellAcked(type, latenciesMs, untimedCount);
  }

  #tellAcked(type: Lease['type'], latenciesMs: readonly number[], untimedCount: number): void {
    if (latenciesMs.length === 0 && untimedCount === 0) return;
    const { observer, subscription } = this.#options;
    observer.acked(subscription, type, latenciesMs, untimedCount);
  }
}

/** One request to move deadlines. */
class DeadlineChange {
  readonly #backlog: Backlog;
  readonly #nowMs: number;
  readonly #moved: TypeRuns;
  readonly #nacked: TypeRuns;

  constructor({ backlog, clock, observer, subscription }: SettlerOptions) {
    this.#backlog = backlog;
    this.#nowMs = clock.monotonicMs();
    this.#moved = new TypeRuns((type, count) => observer.modAcked(subscription, type, count));
    this.#nacked = new TypeRuns((type, count) => observer.nacked(subscription, type, count));
  }

  move(lease: Lease, seconds: number): void {
    // The same id may stand twice in a request.
    if (!lease.isOutstanding) return;
    if (seconds === 0) {
      this.#nacked.add(lease.type);
      this.#backlog.fail(lease);
    } else {
      this.#moved.add(lease.type);
      this.#backlog.extend(lease, this.#nowMs + seconds * 1000);
    }
  }

  end(): void {
    this.#moved.end();
    this.#nacked.end();
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
