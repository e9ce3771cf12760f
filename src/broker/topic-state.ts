import type { TopicRow } from './catalog/catalog-rows.ts';
import { TopicFilters } from './filter/topic-filters.ts';
import { Lane, type LanePorts, type PublishedSegment } from './lanes/lane.ts';
import { LaneReader, type ReaderPorts } from './lanes/lane-reader.ts';
import { Appender } from './lanes/appender.ts';
import { LaneUse, type LaneUsePorts } from './key-use/lane-use.ts';
import { PublishTime } from './lanes/publish-time.ts';
import { TopicKey } from './lanes/topic-key.ts';
import { takeOver } from './lanes/ownership.ts';
import type { SnapshotState } from './snapshots/snapshot-state.ts';
import { SortedMap } from './lists/sorted-map.ts';
import { TopicSchema, type TopicSchemaPorts } from './schemas/topic-schema.ts';
import type { SealableMessage } from './service.ts';
import type { SubscriptionState } from './subscription-state.ts';
import { TopicTransforms, type TopicTransformPorts } from './transforms/topic-transforms.ts';

type TopicPorts = LanePorts & ReaderPorts & LaneUsePorts & TopicTransformPorts & TopicSchemaPorts;

/** One topic at work: its lane, the subscriptions that read it and the snapshots that keep it. */
export class TopicState {
  row: TopicRow;
  readonly lane: Lane;
  readonly reader: LaneReader;
  /** Which DEK seals what of it. */
  readonly use: LaneUse;
  readonly subscriptions: Set<SubscriptionState> = new Set();
  /** Those of them that outlive the process, by name. */
  readonly stored: SortedMap<SubscriptionState> = new SortedMap();
  readonly snapshots: SortedMap<SnapshotState> = new SortedMap();
  /** From where on snapshots keep its log, those included that are being made. */
  readonly holds: Set<{ readonly floor: number }> = new Set();
  /** Those that have ended, while requests of push are under way. */
  readonly leaving: Set<SubscriptionState> = new Set();
  /** Of the oldest message that the topic's own retention keeps. */
  readonly retainedTime: PublishTime;
  /** Of its subscriptions: those that are evaluated on every message. */
  readonly filters: TopicFilters = new TopicFilters();
  readonly transforms: TopicTransforms;
  readonly #schema: TopicSchema;
  readonly #sealed: { name: string; uid: Uint8Array; kmsKeyName?: string };

  constructor(row: TopicRow, appender: Appender, tail: number, ports: TopicPorts) {
    this.row = row;
    this.#sealed = { name: row.name, uid: Buffer.from(row.uid, 'hex') };
    this.#applyKey();
    this.use = new LaneUse(ports, { topicUid: row.uid, index: 0, log: row.log });
    this.lane = new Lane({
      index: 0,
      key: new TopicKey(this.#sealed, ports.deks),
      appender,
      tail,
      ports,
      filters: this.filters,
      onAppended: (segments) => this.#appended(segments),
      watch: this.use,
    });
    this.reader = new LaneReader(this.lane, ports);
    this.retainedTime = new PublishTime(this.reader);
    this.transforms = new TopicTransforms(row.name, ports);
    this.transforms.change(row.messageTransforms);
    this.#schema = new TopicSchema(ports);
  }

  get key(): TopicKey {
    return this.lane.key;
  }

  /** Subscriptions and snapshots that outlive the process: while there are any, so does its log. */
  get readerCount(): number {
    return this.stored.size + this.holds.size;
  }

  get #isRead(): boolean {
    for (const subscription of this.subscriptions) if (subscription.hasConsumers) return true;
    return false;
  }

  /**
   * What a new subscription's filter adds to its row, and to the topic's (null: nothing) if the
   * slot is a new one. None is given out where the topic is filtered in too many ways.
   */
  slotFor(filter: string | undefined): {
    readonly slot: { readonly filterSlot?: number };
    readonly topicRow: TopicRow | null;
  } {
    const next = this.row.filterSlots ?? 0;
    const filterSlot = filter === undefined ? undefined : this.filters.slotFor(filter, next);
    if (filterSlot === undefined) return { slot: {}, topicRow: null };
    const isNew = filterSlot === next;
    return {
      slot: { filterSlot },
      topicRow: isNew ? { ...this.row, filterSlots: next + 1 } : null,
    };
  }

  update(row: TopicRow): void {
    this.row = row;
    this.#applyKey();
    this.transforms.change(row.messageTransforms);
  }

  /** Ids in order, once what the topic's transforms leave of the messages is durable. */
  publish(messages: readonly SealableMessage[]): Promise<string[]> {
    if (!this.transforms.isOn) return this.#conforming(messages);
    return this.transforms.publish(messages, (kept) => this.#conforming(kept));
  }

  /** What is sealed conforms to the topic's schema: subscribers see it as transforms leave it. */
  #conforming(messages: readonly SealableMessage[]): Promise<string[]> {
    if (!this.#schema.isOn(this.row)) return this.lane.publish(messages);
    const seal = (stamped: readonly SealableMessage[]): Promise<string[]> =>
      this.lane.publish(stamped);
    return this.#schema.publish(() => this.row, messages, seal);
  }

  /** True if the segments' bodies are still read. */
  #appended(segments: readonly PublishedSegment[]): boolean {
    this.use.appended(segments);
    const isRead = this.#isRead;
    if (isRead) for (const segment of segments) this.reader.offer(segment);
    for (const subscription of this.subscriptions) subscription.published(segments);
    return isRead;
  }

  #applyKey(): void {
    if (this.row.kmsKeyName === undefined) delete this.#sealed.kmsKeyName;
    else this.#sealed.kmsKeyName = this.row.kmsKeyName;
  }
}

/** Takes a topic's log over and makes it ready to write and read. */
export async function openTopic(row: TopicRow, ports: TopicPorts): Promise<TopicState> {
  const { tail, epoch } = await takeOver(ports.store, row.log);
  const position = { next: tail.next, timeMs: tail.timeMs };
  const appender = new Appender(ports.store, row.log, epoch, position);
  return new TopicState(row, appender, tail.next, ports);
}
