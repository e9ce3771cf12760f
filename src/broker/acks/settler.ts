import type { AckIds } from '../delivery/ack-id.ts';
import type { Lease } from '../delivery/lease.ts';
import { TypeRuns } from '../delivery/type-runs.ts';
import type { SettleResult } from '../service.ts';
import { AtLeastOnce, type SettlerOptions } from './at-least-once.ts';
import { ExactlyOnce } from './exactly-once.ts';
import { exactlyOnceRefusal } from './exactly-once-refusal.ts';
import { LeaseCommits } from './lease-commits.ts';
import type { LeaseRecord } from './lease-record.ts';

/**
 * Ends, extends and gives back what ack ids name, by the rules that its subscription has at the
 * time. The observer is told once for each request, and once for all deadlines that pass together.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #isExactlyOnce: () => boolean;
  readonly #commits: LeaseCommits;
  readonly #atLeastOnce: AtLeastOnce;
  readonly #exactlyOnce: ExactlyOnce;
  readonly #expired: TypeRuns;

  constructor(options: SettlerOptions, ackIds: AckIds, isExactlyOnce: () => boolean) {
    const { observer, subscription } = options;
    this.#options = options;
    this.#isExactlyOnce = isExactlyOnce;
    this.#commits = new LeaseCommits({ ...options, ackIds });
    this.#atLeastOnce = new AtLeastOnce(options);
    this.#exactlyOnce = new ExactlyOnce(options, ackIds, this.#commits);
    this.#expired = new TypeRuns((type, count) => observer.expired(subscription, type, count));
  }

  /**
   * Durable when it resolves. Throws INVALID_ARGUMENT if an id is malformed, with nothing done; or,
   * exactly once, with an ErrorInfo of those ids that failed, and the others done.
   */
  async acknowledge(ackIds: readonly string[]): Promise<void> {
    if (this.#isExactlyOnce()) {
      return refuse(ackIds, await this.#exactlyOnce.acknowledge(ackIds));
    }
    this.#atLeastOnce.acknowledge(ackIds);
    await this.#options.ackLog.flush();
  }

  /** Ends what can be ended; durable when it resolves. */
  async acknowledgeEach(ackIds: readonly string[]): Promise<SettleResult[]> {
    if (this.#isExactlyOnce()) return await this.#exactlyOnce.acknowledge(ackIds);
    const results = this.#atLeastOnce.acknowledgeEach(ackIds);
    await this.#options.ackLog.flush();
    return results;
  }

  /** Without an answer, and durable soon. */
  acknowledgeSoon(ackIds: readonly string[]): void {
    if (this.#isExactlyOnce()) {
      this.#exactlyOnce.acknowledgeSoon(ackIds);
      return;
    }
    this.#atLeastOnce.acknowledgeEach(ackIds);
    this.#options.ackLog.flushSoon();
  }

  /** 0 gives a message back. Throws as `acknowledge` does. */
  async modify(ackIds: readonly string[], seconds: number): Promise<void> {
    if (!this.#isExactlyOnce()) return this.#atLeastOnce.modify(ackIds, seconds);
    refuse(ackIds, await this.#exactlyOnce.modify(ackIds, seconds));
  }

  /** `seconds` of each id, or of all. Exactly once: durable when it resolves. */
  async modifyEach(
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<SettleResult[]> {
    if (this.#isExactlyOnce()) return await this.#exactlyOnce.modify(ackIds, seconds);
    return this.#atLeastOnce.modifyEach(ackIds, seconds);
  }

  /** Without an answer; in memory when it returns. */
  modifySoon(ackIds: readonly string[], seconds: readonly number[]): void {
    if (this.#isExactlyOnce()) void this.#exactlyOnce.modify(ackIds, seconds);
    else this.#atLeastOnce.modifyEach(ackIds, seconds);
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
    const { backlog } = this.#options;
    const found = backlog.find(ackId);
    if (typeof found !== 'string' && found.isCurrent) backlog.giveBack(found.lease);
  }

  /** How leases are made durable before their messages leave; null where they need not be. */
  get commitLeases(): ((leases: readonly Lease[]) => Promise<void>) | null {
    if (!this.#isExactlyOnce()) return null;
    return (leases) => this.#commits.commit(leases);
  }

  /** Exactly once was switched on: resolves when what is outstanding is durably so. */
  async commitOutstanding(): Promise<void> {
    if (this.#isExactlyOnce()) await this.#commits.commitOutstanding();
  }

  /** After a restart: what was leased still is, where that is promised. */
  restore(leases: readonly LeaseRecord[]): void {
    if (this.#isExactlyOnce()) this.#commits.restore(leases, this.#options.keepsOrder);
  }

  /** The backlog's news: an earlier message of its key failed, so that this lease is over. */
  voided(lease: Lease): void {
    if (this.#isExactlyOnce()) this.#commits.voided(lease);
  }

  /** The backlog's news: the deadline of a lease has passed. */
  expired(lease: Lease): void {
    // Reported when the turn of the wheel is over, all together.
    if (this.#expired.isEmpty) queueMicrotask(() => this.#expired.end());
    this.#expired.add(lease.type);
  }
}

function refuse(ackIds: readonly string[], results: readonly SettleResult[]): void {
  const refusal = exactlyOnceRefusal(ackIds, results);
  if (refusal !== null) throw refusal;
}
