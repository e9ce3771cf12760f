import { AckIds } from './delivery/ack-id.ts';
import type { AckLog } from './acks/ack-log.ts';
import type { AckState } from './acks/ack-recovery.ts';
import { Settler } from './acks/settler.ts';
import { Backlog } from './delivery/backlog.ts';
import type { SubscriptionRow } from './catalog/catalog-rows.ts';
import { Consumer } from './delivery/consumer.ts';
import { DeliveryQueue } from './delivery/delivery-queue.ts';
import type { Lease } from './delivery/lease.ts';
import { scanOf } from './delivery/message-scan.ts';
import { messageFilterOf, type MessageFilter, type PublishedRun } from './filter/message-filter.ts';
import { RedeliveryRules } from './delivery/redelivery.ts';
import { notPulled } from './errors.ts';
import { KeyWatch } from './key-watch.ts';
import type { StreamState } from './observer.ts';
import { PushPump } from './push/push-pump.ts';
import type { PushStatus } from './service.ts';
import { PublishTime } from './lanes/publish-time.ts';
import { checkTransitRegion } from './resources/storage-policy.ts';
import type { SubscriptionPorts } from './subscription-ports.ts';
import type { TopicState } from './topic-state.ts';
import { TransformStage } from './transforms/transform-stage.ts';

/** Requests of push that are under way when the subscription ends have so long to be answered. */
const pushGraceMs = 10_000;

/** One subscription at work: its backlog, its acknowledgements and whoever listens to it. */
export class SubscriptionState {
  row: SubscriptionRow;
  readonly topic: TopicState;
  /** Of the monotonic clock; null: nothing since the start. */
  lastDeliveredMs: number | null = null;
  /** When somebody last used it, milliseconds of the wall clock; 0: not since the start. */
  lastUsedMs: number = 0;
  readonly #ports: SubscriptionPorts;
  readonly backlog: Backlog;
  /** Null: it gets every message. */
  readonly filter: MessageFilter | null;
  readonly #ackLog: AckLog;
  readonly #settler: Settler;
  readonly #queue: DeliveryQueue;
  /** Between the filter and the delivery. */
  readonly transforms: TransformStage;
  readonly #redelivery: RedeliveryRules;
  readonly #keyWatch: KeyWatch;
  readonly #oldestTime: PublishTime;
  /** Of the oldest message that is kept although it is acknowledged. */
  readonly retainedTime: PublishTime;
  #endedBy: Error | null = null;
  /** Since the subscription was first pushed. */
  #pump: PushPump | null = null;

  constructor(row: SubscriptionRow, topic: TopicState, acks: AckState, ports: SubscriptionPorts) {
    this.row = row;
    this.topic = topic;
    this.#ports = ports;
    const { clock, wheel, budget } = ports;
    const { epoch, frontier, holes } = acks;
    this.filter = messageFilterOf(row, topic.lane.tail);
    this.#keyWatch = new KeyWatch(clock, async () => {
      await this.checkKey();
      return this.hasConsumers;
    });
    this.#redelivery = new RedeliveryRules({
      row: () => this.row,
      topic,
      clock,
      deadLetters: ports.deadLetters,
    });
    const owner = { subscription: row.id, lane: topic.lane.index, epoch };
    const ackIds = new AckIds(ports.mac, owner);
    ackIds.generation = acks.generation;
    this.backlog = new Backlog({
      wheel,
      budget,
      ackIds,
      frontier,
      holes,
      onAvailable: () => this.#queue.wake(),
      onExpired: (lease) => this.#settler.expired(lease),
      onVoided: (lease) => this.#settler.voided(lease),
      redeliver: (lease) => this.#redelivery.of(lease),
      onForward: (lease) => void this.#forward(lease),
      onEnded: (sequence) => this.#ended(sequence),
      onPassed: (sequence) => this.#ackLog.addRange(sequence, sequence + 1),
    });
    const { backlog } = this;
    this.#ackLog = acks.openLog(backlog);
    const settling = {
      subscription: row.name,
      backlog,
      ackLog: this.#ackLog,
      clock,
      observer: ports.observer,
      keepsOrder: row.enableMessageOrdering === true,
      recentAcks: ports.recentAcks,
    };
    this.#settler = new Settler(settling, ackIds, () => this.isExactlyOnce);
    this.#oldestTime = new PublishTime(topic.reader);
    this.retainedTime = new PublishTime(topic.reader);
    this.transforms = this.#openTransforms();
    this.#queue = this.#openQueue();
    this.transforms.change(row.messageTransforms);
    this.#settler.restore(acks.leases);
  }

  #openTransforms(): TransformStage {
    const { name } = this.row;
    const of = { name, backlog: this.backlog, lane: this.topic.lane, rules: this.#redelivery };
    const wake = (): void => this.#queue.wake();
    const flush = (): void => this.#ackLog.flushSoon();
    return new TransformStage({ ...of, wake, flush }, this.#ports);
  }

  #openQueue(): DeliveryQueue {
    const { topic } = this;
    const ports = this.#ports;
    return new DeliveryQueue({
      ...ports,
      backlog: this.backlog,
      lane: topic.lane,
      reader: topic.reader,
      scan: scanOf(this.row, ports.mac, this.filter),
      transforms: this.transforms,
      attemptOf: (lease) => this.#redelivery.attemptOf(lease),
      commitLeases: () => this.#settler.commitLeases,
      onPassed: (count) => ports.observer.filtered(this.row.name, count),
      onDelivered: (type, count) => {
        this.lastDeliveredMs = ports.clock.monotonicMs();
        ports.observer.delivered(this.row.name, type, count);
      },
      onMissing: (first) => this.expireBelow(first),
    });
  }

  #ended(sequence: number): void {
    this.#ackLog.add(sequence);
    if (this.transforms.isOn) this.transforms.ended(sequence);
  }

  get floor(): number {
    return this.backlog.floor;
  }

  /** It is gone, or the broker stops. */
  get isEnded(): boolean {
    return this.#endedBy !== null;
  }

  get hasConsumers(): boolean {
    return this.consumerCount > 0;
  }

  /** Streaming pulls, Pulls that wait, and push. */
  get consumerCount(): number {
    return this.#queue.consumerCount;
  }

  /** What keeps messages waiting that were never delivered: too many that are not acknowledged. */
  get heldBy(): 'window' | 'leases' | null {
    return this.#queue.heldBy;
  }

  /** True if this consumer could get something now, or after a read. */
  hasAvailable(consumer: Consumer): boolean {
    return this.#queue.hasAvailable(consumer);
  }

  /** Requests of push may be under way, also if messages are pulled by now. */
  get hasPushes(): boolean {
    return this.#pump !== null;
  }

  /** How push goes; null: a pull subscription. */
  get pushStatus(): PushStatus | null {
    return this.#pump?.status ?? null;
  }

  /** New messages are durable in the lane; those that the filter keeps away are done with. */
  published(segments: readonly PublishedRun[]): void {
    if (this.filter !== null) for (const segment of segments) this.#sift(this.filter, segment);
    this.#pump?.published();
    this.#queue.wake();
  }

  #sift(filter: MessageFilter, segment: PublishedRun): void {
    const { base, count } = segment;
    const matches = filter.published(segment, this.backlog.frontier);
    if (matches === null) return;
    if (matches < count) this.#ports.observer.filtered(this.row.name, count - matches);
    if (matches === 0) this.passOver(base, base + count);
  }

  /** Takes a consumer on, once the topic's key is seen to be usable. Throws FAILED_PRECONDITION. */
  async attach(consumer: Consumer): Promise<void> {
    this.#refuseOtherWay(consumer);
    checkTransitRegion(this.topic.row, this.#ports.region);
    await this.topic.key.forSeal();
    if (this.#endedBy !== null) throw this.#endedBy;
    if (consumer.isClosed) return;
    this.#refuseOtherWay(consumer);
    this.#queue.attach(consumer);
    this.#keyWatch.start();
  }

  detach(consumer: Consumer): void {
    this.#queue.detach(consumer);
    if (!this.hasConsumers) this.#keyWatch.stop();
  }

  resume(consumer: Consumer): void {
    consumer.isPaused = false;
    this.#queue.wake();
  }

  get isExactlyOnce(): boolean {
    return this.row.enableExactlyOnceDelivery === true;
  }

  /** Settles what ack ids name. Throws what the subscription was ended by once it was. */
  get settler(): Settler {
    if (this.#endedBy !== null) throw this.#endedBy;
    return this.#settler;
  }

  /** Acks without an answer: what is malformed is passed over. */
  acknowledgeSoon(ackIds: readonly string[]): void {
    this.#settler.acknowledgeSoon(ackIds);
  }

  /** Without an answer; `seconds` of each id. */
  modifyDeadlinesSoon(ackIds: readonly string[], seconds: readonly number[]): void {
    this.#settler.modifySoon(ackIds, seconds);
  }

  /** Its delivery was broken off: it is available again, and that was no failure. */
  giveBack(ackId: string): void {
    this.#settler.giveBack(ackId);
  }

  /**
   * A nack; the message comes again after `delayMs`, or when delays are ended, and not before the
   * retry policy lets it; or it goes to the dead letter topic.
   */
  giveBackLater(ackId: string, delayMs: number): void {
    this.#settler.delay(ackId, this.#ports.clock.monotonicMs() + delayMs);
  }

  /**
   * A seek: every lease is over, all ack ids so far are void, and what is not acknowledged is what
   * is above the frontier and the holes below it. Durable once `flushed` resolves.
   */
  reset(to: { readonly frontier: number; readonly holes: Iterable<number> }): void {
    this.backlog.reset(to.frontier, to.holes);
    this.transforms.clear();
    this.#ackLog.reset();
  }

  /** Resolves when every acknowledgement so far is durable. */
  async flushed(): Promise<void> {
    await this.#ackLog.flush();
  }

  /** Passes over messages that the filter keeps away, if all before them are done with. */
  passOver(first: number, end: number): void {
    if (this.backlog.frontier !== first) return;
    this.backlog.passOverTo(end);
    this.filter?.counts.passed(first, end);
    this.#ackLog.addRange(first, end);
  }

  endDelays(): void {
    this.backlog.endDelays();
  }

  /** Everything below is done: retention has passed over it. */
  expireBelow(cut: number): void {
    if (cut <= this.backlog.floor) return;
    this.backlog.expireBelow(cut);
    this.#ackLog.floorRaised();
  }

  /** Takes over a stored change: push begins, goes on or ends as it says. */
  change(row: SubscriptionRow): void {
    this.row = row;
    // What failed under other transforms need not wait for these.
    if (this.transforms.change(row.messageTransforms)) this.endDelays();
    this.applyPush();
  }

  /** Lets whoever pulls go, if messages are pushed, and pushes; else ends that. */
  applyPush(): void {
    if (this.#endedBy !== null) return;
    if (this.row.pushConfig !== undefined) {
      if (this.#pump?.isRunning !== true) this.failAll(notPulled());
      this.#pump ??= new PushPump(this, this.#ports.push);
    }
    this.#pump?.apply();
  }

  /** Ends push for good; resolves when its requests are answered, or were cut after the grace. */
  async drainPush(graceMs: number): Promise<void> {
    await this.#pump?.drain(graceMs);
  }

  /** No byte of push that is under way is sent any further. */
  cutPush(): void {
    this.#pump?.cut();
  }

  /** The topic's key was taken away or given back. */
  async keyChanged(kind: 'revoked' | 'restored'): Promise<void> {
    if (kind === 'revoked') {
      this.transforms.forget();
      this.cutPush();
    } else this.#pump?.restored();
    await this.checkKey();
  }

  /** The topic's key changed state: asks, and lets everyone go if it cannot be used. */
  async checkKey(): Promise<void> {
    if (!this.hasConsumers) return;
    try {
      await this.topic.key.forSeal();
    } catch (error) {
      this.failAll(error);
    }
  }

  failAll(error: unknown): void {
    this.#keyWatch.stop();
    this.#queue.failAll(error);
  }

  /** Lets everyone go, and takes nobody on any more, nor anybody's acknowledgement. */
  end(error: Error): void {
    this.#endedBy = error;
    void this.#leave();
    this.failAll(error);
  }

  /** Until its last request is answered it is cut by a key that goes, wherever it is listed. */
  async #leave(): Promise<void> {
    const { leaving } = this.topic;
    leaving.add(this);
    await this.drainPush(pushGraceMs);
    leaving.delete(this);
  }

  /** Messages not acknowledged, outstanding ones included. */
  get unackedCount(): number {
    return this.unscannedCount + this.backlog.leaseCount;
  }

  /** Those that no delivery has looked at and the filter lets through, as far as that is known. */
  get unscannedCount(): number {
    const { tail } = this.topic.lane;
    const { frontier } = this.backlog;
    return this.filter?.counts.from(frontier, tail) ?? Math.max(0, tail - frontier);
  }

  /** Publish time of the oldest of them, null without any; NaN if the disk cannot tell. */
  async oldestMs(): Promise<number | null> {
    if (this.unackedCount === 0) return null;
    const { floor, oldest } = this.backlog;
    if (oldest !== undefined && oldest.publishTimeMs > 0) return oldest.publishTimeMs;
    return await this.#oldestTime.of(floor);
  }

  /** How many streaming pulls are open, by what holds them up. */
  streamStates(): Partial<Record<StreamState, number>> {
    return this.#queue.streamStates();
  }

  /** Writes what is not yet durable, compactly, after the acknowledgements under way. */
  async drain(): Promise<void> {
    await this.#ackLog.compact();
  }

  /** Resolves when nothing more is written. */
  async close(): Promise<void> {
    this.#keyWatch.stop();
    this.backlog.close();
    this.transforms.close();
    this.#ports.dispatcher.forget(this.#queue);
    this.#ports.deadLetters.forget(this.row.id);
    await this.#ackLog.close();
  }

  async #forward(lease: Lease): Promise<void> {
    await this.#redelivery.forward(lease, this.backlog, () => this.#ackLog.flushSoon());
  }

  #refuseOtherWay({ type }: Consumer): void {
    if (this.row.pushConfig !== undefined && type !== 'push') throw notPulled();
  }
}
