import type {
  BacklogReport,
  BrokerService,
  Delivery,
  PullStream,
} from '../../../src/broker/index.ts';
import type { Broker } from '../../../src/broker/index.ts';
import { assert } from '../../../src/runtime/index.ts';
import { BrokerHarness, project } from '../../support/broker-harness.ts';
import { SeededEntropy } from '../../support/seeded-entropy.ts';
import { DeadLetterLedger } from '../model/dead-letters.ts';
import type { ModelDelivery, Now, Taker } from '../model/message.ts';
import type { ModelSnapshot } from '../model/seek.ts';
import type { ModelSubscription } from '../model/subscription.ts';
import type { ModelTopic } from '../model/topic.ts';
import type { Canary } from './canary.ts';
import { EventTallies } from './events.ts';
import type { Held } from './held.ts';
import { PushEndpoint } from './push-endpoint.ts';
import { deliveryOf } from './received.ts';
import { DistantKeys, SlowDisk, Weather } from './weather.ts';

/** A streaming pull that is open. */
export interface Listener {
  readonly taker: Taker;
  readonly subscription: ModelSubscription;
  readonly sink: ListenerSink;
  stream: PullStream;
}

export interface ListenerSink {
  isReady: boolean;
  failure: unknown;
}

/** What a run did, so that a test can see that it did anything. */
export interface RunReport {
  published: number;
  delivered: number;
  acked: number;
  refused: number;
  restarts: number;
  seeks: number;
  deadLetters: number;
  filtered: number;
}

export const outstandingWindow = 50;

/** The broker under test, everything around it, and what the models say of it. */
export class World {
  readonly harness: BrokerHarness;
  readonly events: EventTallies;
  readonly weather: Weather;
  readonly keys: DistantKeys;
  readonly disk: SlowDisk;
  readonly endpoint: PushEndpoint;
  readonly ledger: DeadLetterLedger = new DeadLetterLedger();
  readonly topics: Map<string, ModelTopic> = new Map();
  readonly subscriptions: Map<string, ModelSubscription> = new Map();
  readonly snapshots: Map<string, ModelSnapshot> = new Map();
  readonly report: RunReport = {
    published: 0,
    delivered: 0,
    acked: 0,
    refused: 0,
    restarts: 0,
    seeks: 0,
    deadLetters: 0,
    filtered: 0,
  };
  held: Held[] = [];
  listeners: Listener[] = [];
  /** Operations that were begun and not waited for. */
  readonly inFlight: Set<Promise<void>> = new Set();
  dice: SeededEntropy;
  /** What the step under way does, in a few words. */
  story = '';
  /** Nothing is waited for: the process is about to end. */
  isDoomed = false;
  #canary: Canary | undefined;
  #violation: unknown = null;
  #count = 0;

  static async open(seed: number, canary?: Canary): Promise<World> {
    const parts = {
      events: new EventTallies(),
      weather: new Weather(),
      keys: new DistantKeys(),
      disk: new SlowDisk(seed),
    };
    const endpoint = new PushEndpoint(seed);
    const harness = await BrokerHarness.open({
      seed,
      limits: { outstandingWindow },
      observer: parts.events.observer,
      pushSender: endpoint,
      wrapKeys: (inner) => parts.keys.wrap(inner),
      wrapStore: (disk) => parts.disk.wrap(canary?.breakDisk?.(disk) ?? disk),
    });
    return new World(harness, { ...parts, endpoint, ...(canary && { canary }), seed });
  }

  private constructor(
    harness: BrokerHarness,
    parts: Pick<World, 'events' | 'weather' | 'keys' | 'disk' | 'endpoint'> & {
      canary?: Canary;
      seed: number;
    },
  ) {
    this.harness = harness;
    this.events = parts.events;
    this.weather = parts.weather;
    this.keys = parts.keys;
    this.disk = parts.disk;
    this.endpoint = parts.endpoint;
    this.#canary = parts.canary;
    this.dice = new SeededEntropy(parts.seed);
    this.endpoint.connect(this);
    this.disk.connect(harness.clock);
  }

  /** As clients meet it; with the canary's bug in it, if there is one. */
  get broker(): BrokerService {
    const { broker } = this.harness;
    return this.#canary?.breakBroker?.(broker) ?? broker;
  }

  /** What only operators call. */
  get operated(): Broker {
    return this.harness.broker;
  }

  get now(): Now {
    const { clock } = this.harness;
    return { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  say(words: string): void {
    this.story += this.story === '' ? words : `; ${words}`;
  }

  number(): number {
    return this.#count++;
  }

  one<Item>(items: Iterable<Item>): Item | undefined {
    const all = [...items];
    return all.length === 0 ? undefined : all[this.dice.below(all.length)];
  }

  chance(outOf: number): boolean {
    return this.dice.below(outOf) === 0;
  }

  violated(error: unknown): void {
    this.#violation ??= error;
  }

  /** Waits for the operation, or goes on beside it. */
  async perform(operation: Promise<void>): Promise<void> {
    const watched = operation.catch((error: unknown) => this.violated(error));
    if (this.isDoomed) return;
    if (this.chance(4)) {
      this.say('not waited for');
      this.inFlight.add(watched);
      void watched.then(() => this.inFlight.delete(watched));
      await this.harness.clock.settle(this.dice.below(3));
    } else await this.harness.until(watched);
  }

  /** Goes on for as long as it likes: a Pull that waits. */
  beside(operation: Promise<void>): void {
    operation.catch((error: unknown) => this.violated(error));
  }

  async join(): Promise<void> {
    if (this.inFlight.size > 0) await this.harness.until(Promise.all(this.inFlight));
  }

  /** Checks a batch in the moment in which it is handed over. */
  took(subscription: ModelSubscription, taker: Taker, batch: readonly Delivery[]): void {
    for (const delivery of batch) this.#tookOne(subscription, taker, deliveryOf(delivery));
  }

  tookPushed(subscription: ModelSubscription, taker: Taker, got: ModelDelivery): Held {
    return this.#tookOne(subscription, taker, got);
  }

  /** Everything that can be seen from outside without waiting for anything. */
  async check(): Promise<void> {
    if (this.#violation !== null) throw this.#violation;
    for (const subscription of this.subscriptions.values()) {
      subscription.pass(this.now);
      this.noteExhausted(subscription);
    }
    if (this.inFlight.size === 0) await this.#checkCounts();
    if (this.#violation !== null) throw this.#violation;
  }

  #tookOne(subscription: ModelSubscription, taker: Taker, raw: ModelDelivery): Held {
    this.report.delivered++;
    const { topic, name } = subscription;
    this.say(`${name.split('/').at(-1)} gets ${raw.text}`);
    const { ackId } = raw;
    const { generation } = subscription;
    const isAmbiguous = subscription.seeking > 0;
    let held = { subscription, text: raw.text, ackId, generation, isAmbiguous };
    try {
      if (topic.textOf(raw) !== raw.text) this.#dead(topic, raw);
      const got = { ...raw, text: topic.textOf(raw) };
      held = { ...held, text: got.text };
      const isExhausted = subscription.entries.get(got.text)?.isExhausted === true;
      subscription.deliver(got, taker, this.now, this.#leasedMs(subscription));
      if (isExhausted) this.#comesAgain(subscription, got.text);
      if (taker.kind !== 'push') this.held.push(held);
    } catch (error) {
      this.violated(new Error(`${name}: ${String(error)}`, { cause: error }));
    }
    return held;
  }

  /** Exactly once, a lease is durable before its message leaves: it counts from before that. */
  #leasedMs({ terms }: ModelSubscription): number {
    const { nowMs } = this.now;
    return terms.isExactlyOnce ? Math.min(nowMs, this.disk.writingSinceMs) : nowMs;
  }

  #dead(topic: ModelTopic, got: ModelDelivery): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.terms.deadLetter?.topic === topic.name) this.noteExhausted(subscription);
    }
    this.ledger.arrived(got, project.slice('projects/'.length));
  }

  /** Only a forward that failed lets a message come again after its last attempt. */
  #comesAgain(subscription: ModelSubscription, text: string): void {
    const { deadLettersFailed } = this.events.of(subscription.name);
    const isExplained = deadLettersFailed > 0 || this.ledger.hadTrouble;
    assert(isExplained, `delivered again after its last attempt: ${text}`);
    this.ledger.excuse(subscription.name, text);
  }

  /** Those that may have failed too often, if their deadline passes in this moment. */
  noteExhausted(subscription: ModelSubscription): void {
    const { deadLetter } = subscription.terms;
    if (deadLetter === null) return;
    const hasFailed = this.events.of(subscription.name).deadLettersFailed > 0;
    for (const entry of subscription.entries.values()) {
      const { message, failures, lease, isExhausted } = entry;
      // It could not be forwarded, until its time was over.
      const isOver = hasFailed && subscription.isPast(entry, this.now.wallMs);
      if (isExhausted && isOver) this.ledger.excuse(subscription.name, message.text);
      const isEnded = lease !== null && lease.untilMs <= this.now.nowMs;
      const most = failures[1] + (isEnded ? 1 : 0);
      if (most >= deadLetter.attemptsMax) {
        this.ledger.exhausted(subscription.name, message.text, isExhausted);
      }
    }
  }

  /** What is on its way between disk and consumer counts for neither: then it is counted again. */
  async #checkCounts(): Promise<void> {
    try {
      await this.#countOnce();
    } catch {
      await this.harness.clock.settle(60);
      await this.#countOnce();
    }
  }

  async #countOnce(): Promise<void> {
    const reports = await this.harness.until(this.operated.backlogs());
    const known = reports.filter(({ subscription }) => this.subscriptions.has(subscription));
    assert(known.length === reports.length, 'no subscription reports that does not exist');
    for (const report of known)
      this.#checkCount(this.subscriptions.get(report.subscription)!, report);
  }

  #checkCount(model: ModelSubscription, { unackedCount, outstandingCount }: BacklogReport): void {
    const { now } = this;
    const { name } = model;
    const [least, most] = model.backlogRange(now);
    const unseen = model.terms.filter.text === '' ? 0 : Infinity;
    const isExact = least <= unackedCount && unackedCount <= most + unseen;
    assert(isExact, `${name} has ${unackedCount} unacked, not ${least} to ${most}`);
    const [few, many] = model.outstandingRange(now);
    const isLeased = few <= outstandingCount && outstandingCount <= many;
    assert(isLeased, `${name}: ${outstandingCount} outstanding, not ${few} to ${many}`);
    assert(outstandingCount <= outstandingWindow, 'more outstanding than the window');
    this.#checkEvents(model, outstandingCount);
  }

  /** What was handed out ended once, or is outstanding: by the observer's own sums. */
  #checkEvents(model: ModelSubscription, outstandingCount: number): void {
    const { delivered, nacked, expired } = this.events.of(model.name);
    const ended = nacked + expired + outstandingCount;
    const isSum = ended <= delivered + model.restoredCount;
    assert(isSum, `${model.name}: ${nacked} nacked + ${expired} expired of ${delivered}`);
  }
}
