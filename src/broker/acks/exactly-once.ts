import { deliveryOf, type AckIds } from '../delivery/ack-id.ts';
import type { FoundLease } from '../delivery/backlog-options.ts';
import type { Lease } from '../delivery/lease.ts';
import type { SettleResult } from '../service.ts';
import { AckedRuns } from './acked-runs.ts';
import type { SettlerOptions } from './at-least-once.ts';
import { DeadlineChange } from './deadline-change.ts';
import type { LeaseCommits } from './lease-commits.ts';
import { RecentAcks } from './recent-acks.ts';

/** What became of the ids of a request in memory, and when the disk has it. */
interface Settling {
  readonly results: SettleResult[];
  readonly durable: Promise<void>;
}

/**
 * Settling on exactly-once subscriptions (pubsub.v1, exactly once): only the id of a message's last
 * delivery counts, and only until its deadline; each id has an answer of its own, given when what
 * it did is durable.
 */
export class ExactlyOnce {
  readonly #options: SettlerOptions;
  readonly #ackIds: AckIds;
  readonly #commits: LeaseCommits;
  readonly #acks: RecentAcks;
  readonly #nacks: RecentAcks;
  #recentGeneration = 0;

  constructor(options: SettlerOptions, ackIds: AckIds, commits: LeaseCommits) {
    this.#options = options;
    this.#acks = new RecentAcks(options.recentAcks);
    this.#nacks = new RecentAcks(options.recentAcks);
    this.#ackIds = ackIds;
    this.#commits = commits;
  }

  /** Resolves when all is durable; what could not be made so is `failed`. */
  async acknowledge(ackIds: readonly string[]): Promise<SettleResult[]> {
    const results = this.#acknowledged(ackIds);
    const settled = results.includes('done') ? this.#options.ackLog.flush() : Promise.resolve();
    return await this.#answered('ack', { results, durable: settled });
  }

  /** Nobody waits: what does not succeed is told to the observer alone. */
  acknowledgeSoon(ackIds: readonly string[]): void {
    const results = this.#acknowledged(ackIds);
    this.#options.ackLog.flushSoon();
    void this.#answered('ack', { results, durable: Promise.resolve() });
  }

  /** `seconds` of each id, or of all; 0 gives a message back. Resolves as `acknowledge` does. */
  async modify(
    ackIds: readonly string[],
    seconds: number | readonly number[],
  ): Promise<SettleResult[]> {
    const change = new DeadlineChange(this.#options);
    const moved = new Map<string, Lease>();
    const results = ackIds.map((ackId, i): SettleResult => {
      const found = this.#options.backlog.find(ackId);
      if (found === 'malformed') return 'invalid';
      const each = typeof seconds === 'number' ? seconds : (seconds[i] ?? 0);
      if (typeof found === 'string' || !this.#mayMove(ackId, found, each)) return 'expired';
      change.move(found.lease, each);
      moved.set(ackId, found.lease);
      if (each === 0) this.#memory(this.#nacks).add(found.lease.sequence, this.#delivery(ackId));
      return 'done';
    });
    change.end();
    const durable = this.#commits.commit([...moved.values()]);
    return await this.#answered('modack', { results, durable });
  }

  /** A nack may be sent again: its answer was lost, or it could not be stored. */
  #mayMove(ackId: string, { lease, isCurrent, isLatest }: FoundLease, seconds: number): boolean {
    if (isCurrent || seconds > 0 || !isLatest) return isCurrent;
    return this.#memory(this.#nacks).deliveryOf(lease.sequence) === this.#delivery(ackId);
  }

  #delivery(ackId: string): number {
    return this.#ackIds.claimedDelivery(ackId);
  }

  /** In the order of the messages: an earlier one of a key opens the way for a later one. */
  #acknowledged(ackIds: readonly string[]): SettleResult[] {
    const { backlog, observer, subscription, clock } = this.#options;
    const runs = new AckedRuns(observer, subscription, clock.monotonicMs());
    const results: SettleResult[] = ackIds.map(() => 'invalid');
    const current: { lease: Lease; at: number }[] = [];
    for (const [at, ackId] of ackIds.entries()) {
      const found = backlog.find(ackId);
      if (typeof found === 'object' && found.isCurrent) current.push({ lease: found.lease, at });
      else results[at] = this.#resultOf(ackId, found);
    }
    if (this.#options.keepsOrder) current.sort((a, b) => a.lease.sequence - b.lease.sequence);
    for (const { lease, at } of current) results[at] = this.#end(lease, ackIds[at]!, runs);
    runs.end();
    return results;
  }

  #end(lease: Lease, ackId: string, runs: AckedRuns): SettleResult {
    const { backlog } = this.#options;
    // The same id may stand twice in a request.
    if (lease.state === 'ended') return 'done';
    if (!backlog.isFirstOfKey(lease)) return 'unordered';
    if (backlog.acknowledge(lease) !== 'done') return 'expired';
    this.#memory(this.#acks).add(lease.sequence, this.#delivery(ackId));
    runs.add(lease);
    return 'done';
  }

  /** Of an id that is not the current one of a message. */
  #resultOf(ackId: string, found: FoundLease | 'malformed' | 'void' | 'gone'): SettleResult {
    if (found === 'malformed') return 'invalid';
    if (found === 'void') return 'expired';
    if (found === 'gone') return this.#wasLast(ackId) ? 'done' : 'expired';
    // Acknowledged before exactly-once was switched on, and still behind an earlier message.
    return found.isLatest && found.lease.state === 'ahead' ? 'unordered' : 'expired';
  }

  /** The message is done: by this id, as far as is remembered? */
  #wasLast(ackId: string): boolean {
    const target = this.#ackIds.parse(ackId);
    if (target === null) return false;
    const delivery = this.#memory(this.#acks).deliveryOf(target.sequence);
    return delivery === undefined || delivery === deliveryOf(target.epoch, target.attempt);
  }

  /** A seek brings messages back: what was done to them before it says nothing any more. */
  #memory(of: RecentAcks): RecentAcks {
    const { generation } = this.#options.backlog;
    if (generation !== this.#recentGeneration) {
      this.#acks.clear();
      this.#nacks.clear();
    }
    this.#recentGeneration = generation;
    return of;
  }

  async #answered(
    operation: 'ack' | 'modack',
    { results, durable }: Settling,
  ): Promise<SettleResult[]> {
    let answers = results;
    try {
      await durable;
    } catch {
      answers = results.map((result) => (result === 'done' ? 'failed' : result));
    }
    this.#warn(operation, answers);
    return answers;
  }

  #warn(operation: 'ack' | 'modack', results: readonly SettleResult[]): void {
    const { observer, subscription } = this.#options;
    for (const reason of ['expired', 'invalid', 'unordered', 'failed'] as const) {
      const count = results.filter((result) => result === reason).length;
      if (count > 0) observer.exactlyOnceWarning(subscription, operation, reason, count);
    }
  }
}
