import type { Clock } from '../../runtime/index.ts';
import type { AckIds } from '../delivery/ack-id.ts';
import type { Backlog } from '../delivery/backlog.ts';
import type { Lease } from '../delivery/lease.ts';
import type { AckLog } from './ack-log.ts';
import type { LeaseRecord } from './lease-record.ts';

/** The longest deadline that a lease can have been given. */
const leaseMsMax = 600_000;

/** Leases of an exactly-once subscription on their way to the log and back. */
export class LeaseCommits {
  readonly #backlog: Backlog;
  readonly #ackLog: AckLog;
  readonly #ackIds: AckIds;
  readonly #clock: Clock;
  /** Not yet with the log. */
  #voided: Lease[] = [];

  constructor(options: {
    readonly backlog: Backlog;
    readonly ackLog: AckLog;
    readonly ackIds: AckIds;
    readonly clock: Clock;
  }) {
    this.#backlog = options.backlog;
    this.#ackLog = options.ackLog;
    this.#ackIds = options.ackIds;
    this.#clock = options.clock;
  }

  /** Resolves when these leases, as they are now, are durable. Throws RpcError. */
  async commit(leases: readonly Lease[]): Promise<void> {
    const voided = this.#voided;
    this.#voided = [];
    await this.#ackLog.leased([...voided, ...leases].map((lease) => this.#recordOf(lease)));
  }

  /**
   * A lease is over before its time: durable with what is committed next, or soon. The log keeps the
   * end of a lease until the disk takes it.
   */
  voided(lease: Lease): void {
    this.#voided.push(lease);
    // Whoever gave the earlier message back commits that, and these with it.
    if (this.#voided.length > 1) return;
    queueMicrotask(() => {
      if (this.#voided.length > 0) this.commit([]).catch(() => undefined);
    });
  }

  /** The same for all that is outstanding. */
  async commitOutstanding(): Promise<void> {
    const leases = [...this.#backlog.leases()];
    await this.commit(leases.filter(({ isOutstanding, ackId }) => isOutstanding && ackId !== ''));
  }

  /** Leases what was leased when another process wrote so, until the deadlines of then. */
  restore(records: readonly LeaseRecord[], keepsOrder: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    const wallMs = this.#clock.wallMs();
    for (const { sequence, attempt, failures, ackEpoch, deadlineWallMs } of records) {
      // A wall clock that was set back must not hold a message longer than anybody asked for.
      const leftMs = Math.min(leaseMsMax, deadlineWallMs - wallMs);
      const deadlineMs = nowMs + leftMs;
      const delivery = { sequence, attempt, failures, ackEpoch, deadlineMs };
      this.#backlog.restore({ ...delivery, isScanned: !keepsOrder });
    }
  }

  #recordOf(lease: Lease): LeaseRecord {
    const { sequence, failures, isOutstanding, deadlineMs } = lease;
    const delivery = this.#ackIds.claimedDelivery(lease.ackId);
    const leftMs = deadlineMs - this.#clock.monotonicMs();
    return {
      sequence,
      attempt: delivery < 0 ? 0 : delivery % 2 ** 16,
      failures,
      deadlineWallMs: isOutstanding ? Math.ceil(this.#clock.wallMs() + leftMs) : 0,
      ackEpoch: delivery < 0 ? 0 : Math.floor(delivery / 2 ** 16),
      generation: this.#backlog.generation,
    };
  }
}
