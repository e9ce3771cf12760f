import type { DekManager, RecordSealer } from '../envelope/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Cancel, Clock, Entropy } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';
import { AckIds, type Mac } from './delivery/ack-id.ts';
import { AckLog } from './acks/ack-log.ts';
import type { RecoveredAcks } from './acks/ack-recovery.ts';
import { Backlog, type Lease } from './delivery/backlog.ts';
import type { SubscriptionRow } from './catalog/catalog-rows.ts';
import { Consumer } from './delivery/consumer.ts';
import type { DeadlineWheel } from './delivery/deadline-wheel.ts';
import { DeliveryQueue } from './delivery/delivery-queue.ts';
import type { Dispatcher } from './delivery/dispatcher.ts';
import type { LeaseBudget } from './delivery/lease-budget.ts';
import type { BacklogReport, BrokerObserver } from './observer.ts';
import type { TopicState } from './topic-state.ts';

/** How often the key of a subscription that somebody listens to is looked at. */
const keyCheckMs = 60_000;

export interface SubscriptionPorts {
  readonly store: Store;
  readonly deks: DekManager;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: BrokerObserver;
  readonly sealer: RecordSealer;
  readonly mac: Mac;
  readonly wheel: DeadlineWheel;
  readonly dispatcher: Dispatcher;
  readonly budget: LeaseBudget;
  readonly window: number;
}

/** One subscription at work: its backlog, its acknowledgements and whoever listens to it. */
export class SubscriptionState {
  row: SubscriptionRow;
  readonly topic: TopicState;
  readonly #ports: SubscriptionPorts;
  readonly #backlog: Backlog;
  readonly #ackLog: AckLog;
  readonly #queue: DeliveryQueue;
  #cancelKeyCheck: Cancel | null = null;
  #floorTime: { readonly floor: number; readonly timeMs: number } | null = null;
  #endedBy: Error | null = null;

  constructor(
    row: SubscriptionRow,
    topic: TopicState,
    acks: RecoveredAcks,
    ports: SubscriptionPorts,
  ) {
    this.row = row;
    this.topic = topic;
    this.#ports = ports;
    const { store, clock, entropy, sealer, wheel, budget, dispatcher, window } = ports;
    const { appender, replay, deltaCount } = acks;
    const { epoch } = appender;
    const owner = { subscription: row.id, lane: topic.lane.index, epoch };
    this.#backlog = new Backlog({
      wheel,
      budget,
      ackIds: new AckIds(ports.mac, owner),
      frontier: replay.frontier,
      holes: replay.holes(),
      onAvailable: () => this.#queue.wake(),
    });
    const backlog = this.#backlog;
    this.#ackLog = new AckLog({ store, sealer, clock, entropy, appender, backlog, deltaCount });
    this.#queue = new DeliveryQueue({
      backlog,
      lane: topic.lane,
      reader: topic.reader,
      clock,
      dispatcher,
      window,
      budget,
      onDelivered: (count) => ports.observer.delivered(this.row.name, count),
      onMissing: (first) => this.expireBelow(first),
    });
  }

  get floor(): number {
    return this.#backlog.floor;
  }

  get hasConsumers(): boolean {
    return this.#queue.consumerCount > 0;
  }

  get hasAvailable(): boolean {
    return this.#queue.hasAvailable;
  }

  /** New messages are durable in the lane. */
  wake(): void {
    this.#queue.wake();
  }

  /** Takes a consumer on, once the topic's key is seen to be usable. Throws FAILED_PRECONDITION. */
  async attach(consumer: Consumer): Promise<void> {
    await this.#useKey();
    if (this.#endedBy !== null) throw this.#endedBy;
    if (consumer.isClosed) return;
    this.#queue.attach(consumer);
    this.#watchKey();
  }

  detach(consumer: Consumer): void {
    this.#queue.detach(consumer);
    if (!this.hasConsumers) this.#stopWatch();
  }

  resume(consumer: Consumer): void {
    consumer.isPaused = false;
    this.#queue.wake();
  }

  /**
   * Durable when it resolves. Throws, with nothing done, INVALID_ARGUMENT if an id is malformed,
   * and what the subscription was ended by once it was.
   */
  async acknowledge(ackIds: readonly string[]): Promise<void> {
    if (this.#endedBy !== null) throw this.#endedBy;
    const leases = this.#leasesOf(ackIds);
    this.#end(leases.map(({ lease }) => lease));
    await this.#ackLog.flush();
  }

  /** Acks without an answer: what is malformed is passed over. */
  acknowledgeSoon(ackIds: readonly string[]): void {
    const leases: Lease[] = [];
    for (const ackId of ackIds) {
      const found = this.#backlog.find(ackId);
      if (typeof found !== 'string') leases.push(found.lease);
    }
    this.#end(leases);
    this.#ackLog.flushSoon();
  }

  /** Throws as `acknowledge` does. */
  modifyDeadline(ackIds: readonly string[], seconds: number): void {
    if (this.#endedBy !== null) throw this.#endedBy;
    for (const { lease, isCurrent } of this.#leasesOf(ackIds)) {
      if (isCurrent) this.#modify(lease, seconds);
    }
  }

  modifyDeadlineSoon(ackId: string, seconds: number): void {
    const found = this.#backlog.find(ackId);
    if (typeof found !== 'string' && found.isCurrent) this.#modify(found.lease, seconds);
  }

  /** Everything below is done: retention has passed over it. */
  expireBelow(cut: number): void {
    if (cut <= this.#backlog.floor) return;
    this.#backlog.expireBelow(cut);
    this.#ackLog.floorRaised();
    this.#queue.wake();
  }

  /** The topic's key changed state: asks, and lets everyone go if it cannot be used. */
  async checkKey(): Promise<void> {
    if (!this.hasConsumers) return;
    try {
      await this.#useKey();
    } catch (error) {
      this.failAll(error);
    }
  }

  failAll(error: unknown): void {
    this.#stopWatch();
    this.#queue.failAll(error);
  }

  /** Lets everyone go, and takes nobody on any more, nor anybody's acknowledgement. */
  end(error: Error): void {
    this.#endedBy = error;
    this.failAll(error);
  }

  async report(): Promise<BacklogReport> {
    const { lane } = this.topic;
    const backlog = this.#backlog;
    const unackedCount = Math.max(0, lane.tail - backlog.frontier) + backlog.leaseCount;
    const nowMs = this.#ports.clock.wallMs();
    const oldestMs = unackedCount === 0 ? nowMs : await this.#oldestMs();
    return {
      subscription: this.row.name,
      unackedCount,
      oldestUnackedAgeSeconds: Math.max(0, (nowMs - oldestMs) / 1000),
      outstandingCount: backlog.outstandingCount,
    };
  }

  /** Publish time of the oldest message; NaN if the disk cannot tell. Read once for each floor. */
  async #oldestMs(): Promise<number> {
    const { floor, oldest } = this.#backlog;
    if (oldest !== undefined && oldest.publishTimeMs > 0) return oldest.publishTimeMs;
    if (this.#floorTime?.floor !== floor) {
      const timeMs = await this.topic.reader.publishTimeMs(floor).catch(() => undefined);
      if (timeMs === undefined) return NaN;
      this.#floorTime = { floor, timeMs };
    }
    return this.#floorTime.timeMs;
  }

  /** Writes what is not yet durable, compactly, after the acknowledgements under way. */
  async drain(): Promise<void> {
    await this.#ackLog.compact();
  }

  /** Resolves when nothing more is written. */
  async close(): Promise<void> {
    this.#stopWatch();
    this.#backlog.close();
    this.#ports.dispatcher.forget(this.#queue);
    await this.#ackLog.close();
  }

  #leasesOf(ackIds: readonly string[]): { lease: Lease; isCurrent: boolean }[] {
    const leases = [];
    for (const ackId of ackIds) {
      const found = this.#backlog.find(ackId);
      if (found === 'malformed') throw malformedAckId(ackId);
      if (found !== 'gone') leases.push(found);
    }
    return leases;
  }

  #end(leases: readonly Lease[]): void {
    let count = 0;
    for (const lease of leases) {
      if (!this.#backlog.acknowledge(lease)) continue;
      this.#ackLog.add(lease.sequence);
      count++;
    }
    this.#ports.observer.acked(this.row.name, count);
  }

  #modify(lease: Lease, seconds: number): void {
    if (seconds === 0) this.#backlog.giveBack(lease);
    else this.#backlog.extend(lease, this.#ports.clock.monotonicMs() + seconds * 1000);
  }

  async #useKey(): Promise<void> {
    await this.#ports.deks.forSeal(this.topic.sealed);
  }

  #watchKey(): void {
    if (this.#cancelKeyCheck !== null) return;
    const { clock } = this.#ports;
    this.#cancelKeyCheck = clock.schedule(clock.monotonicMs() + keyCheckMs, () => {
      this.#cancelKeyCheck = null;
      void this.checkKey();
      if (this.hasConsumers) this.#watchKey();
    });
  }

  #stopWatch(): void {
    this.#cancelKeyCheck?.();
    this.#cancelKeyCheck = null;
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
