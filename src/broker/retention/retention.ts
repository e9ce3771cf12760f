import type { Cancel } from '../../runtime/index.ts';
import type { LogId } from '../../storage/index.ts';
import type { Expiration } from './expiration.ts';
import type { DekCollector } from '../key-use/dek-collector.ts';
import { FilterSweep } from '../filter/filter-sweep.ts';
import type { Registry } from '../registry.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { TopicState } from '../topic-state.ts';

const sweepMs = 10_000;

/**
 * Lets go of what need not be kept: subscriptions and snapshots whose time has come, messages older
 * than a subscription's retention leave its backlog, and segments that nobody reads or retains
 * leave the disk, and their DEKs with them. Needs no key, but to see what filters keep away.
 */
export class RetentionSweeper {
  readonly #registry: Registry;
  readonly #expiration: Expiration;
  readonly #filters: FilterSweep;
  readonly #collector: DekCollector;
  #cancel: Cancel = () => undefined;
  #sweeping: Promise<void> | null = null;
  #isClosed = false;

  constructor(registry: Registry, expiration: Expiration, collector: DekCollector) {
    this.#registry = registry;
    this.#expiration = expiration;
    this.#collector = collector;
    this.#filters = new FilterSweep(registry.ports);
  }

  start(): void {
    const { clock } = this.#registry.ports;
    this.#cancel = clock.schedule(clock.monotonicMs() + sweepMs, () => {
      void this.sweep();
      if (!this.#isClosed) this.start();
    });
  }

  /** Starts no more sweeps; resolves when none is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#sweeping;
  }

  /** One sweep at a time: who asks during one waits for that one. */
  async sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = null;
    });
    await this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    const { topics, deletedTopics, ports } = this.#registry;
    await this.#expiration.sweep();
    this.#filters.begin();
    for (const topic of [...topics.values(), ...deletedTopics.values()]) {
      if (this.#isClosed) return;
      const { name } = topic.row;
      await this.#sweepTopic(topic).catch((error: unknown) => {
        ports.log.warn({ err: error, topic: name }, 'the retention sweep failed; it comes again');
      });
    }
  }

  async #sweepTopic(topic: TopicState): Promise<void> {
    const { log } = topic.lane.appender;
    if (topic.lane.tail === 0) return;
    const ofTopic = this.#registry.retentionMs(topic);
    const horizons = new Horizons(this.#registry, log);
    if (ofTopic !== undefined) await horizons.find(ofTopic);
    for (const subscription of topic.subscriptions) {
      const ofSubscription = subscription.row.messageRetentionMs;
      if (subscription.row.retainAckedMessages) await horizons.find(ofSubscription);
      // What the topic retains is available to every subscription (pubsub.v1 Topic).
      const retentionMs = Math.max(ofSubscription, ofTopic ?? 0);
      subscription.expireBelow(await horizons.find(retentionMs));
    }
    await this.#filters.sweep(topic);
    // In one turn: a seek may take over from a snapshot what it needed, and that be deleted.
    const below = keptFrom(topic, ofTopic, horizons);
    if (below > 0) await this.#registry.ports.store.trim([{ log, below }]);
    this.#collector.wake(topic);
  }
}

/** The first sequence of a topic that something still needs. */
function keptFrom(topic: TopicState, retentionMs: number | undefined, horizons: Horizons): number {
  let below = topic.lane.tail;
  for (const subscription of topic.subscriptions) {
    below = Math.min(below, keptBy(subscription, horizons));
  }
  for (const { floor } of topic.holds) below = Math.min(below, floor);
  return retentionMs === undefined ? below : Math.min(below, horizons.at(retentionMs));
}

function keptBy({ row, floor }: SubscriptionState, horizons: Horizons): number {
  if (!row.retainAckedMessages) return floor;
  return Math.min(floor, Math.max(horizons.at(row.messageRetentionMs), row.start));
}

/** Where retentions of one log end now: each asked for once, however many share it. */
class Horizons {
  readonly #registry: Registry;
  readonly #log: LogId;
  readonly #found = new Map<number, number>();

  constructor(registry: Registry, log: LogId) {
    this.#registry = registry;
    this.#log = log;
  }

  /** The first sequence that was published within the last `retentionMs`. */
  async find(retentionMs: number): Promise<number> {
    const { store, clock } = this.#registry.ports;
    const known = this.#found.get(retentionMs);
    if (known !== undefined) return known;
    const found = await store.locate(this.#log, clock.wallMs() - retentionMs);
    this.#found.set(retentionMs, found);
    return found;
  }

  /** What was found; of a retention that was set meanwhile nothing is, and all is kept. */
  at(retentionMs: number): number {
    return this.#found.get(retentionMs) ?? 0;
  }
}
