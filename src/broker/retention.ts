import type { Cancel } from '../runtime/index.ts';
import type { LogId } from '../storage/index.ts';
import type { Registry } from './registry.ts';
import type { SubscriptionState } from './subscription-state.ts';
import type { TopicState } from './topic-state.ts';

const sweepMs = 10_000;

/**
 * Lets go of what need not be kept: messages older than a subscription's retention leave its
 * backlog, and segments that nobody reads or retains leave the disk. Needs no key.
 */
export class RetentionSweeper {
  readonly #registry: Registry;
  #cancel: Cancel = () => undefined;
  #sweeping: Promise<void> | null = null;
  #isClosed = false;

  constructor(registry: Registry) {
    this.#registry = registry;
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
    const horizons = new Horizons(this.#registry, log);
    for (const subscription of topic.subscriptions) {
      subscription.expireBelow(await horizons.at(subscription.row.messageRetentionMs));
    }
    let below = topic.lane.tail;
    for (const subscription of topic.subscriptions) {
      below = Math.min(below, await kept(subscription, horizons));
    }
    const { messageRetentionMs } = topic.row;
    if (messageRetentionMs !== undefined) {
      below = Math.min(below, await horizons.at(messageRetentionMs));
    }
    if (below > 0) await this.#registry.ports.store.trim([{ log, below }]);
  }
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
  async at(retentionMs: number): Promise<number> {
    const { store, clock } = this.#registry.ports;
    const known = this.#found.get(retentionMs);
    if (known !== undefined) return known;
    const found = await store.locate(this.#log, clock.wallMs() - retentionMs);
    this.#found.set(retentionMs, found);
    return found;
  }
}

/** The first sequence that this subscription still needs. */
async function kept(subscription: SubscriptionState, horizons: Horizons): Promise<number> {
  const { retainAckedMessages, messageRetentionMs, start } = subscription.row;
  if (!retainAckedMessages) return subscription.floor;
  return Math.max(await horizons.at(messageRetentionMs), start);
}
