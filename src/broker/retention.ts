import type { Cancel } from '../runtime/index.ts';
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
    const { store } = this.#registry.ports;
    const { log } = topic.lane.appender;
    if (topic.lane.tail === 0) return;
    for (const subscription of topic.subscriptions) {
      subscription.expireBelow(await this.#horizon(topic, subscription.row.messageRetentionMs));
    }
    let below = topic.lane.tail;
    for (const subscription of topic.subscriptions) {
      below = Math.min(below, await this.#kept(topic, subscription));
    }
    const { messageRetentionMs } = topic.row;
    if (messageRetentionMs !== undefined) {
      below = Math.min(below, await this.#horizon(topic, messageRetentionMs));
    }
    if (below > 0) await store.trim([{ log, below }]);
  }

  /** The first sequence that this subscription still needs. */
  async #kept(topic: TopicState, subscription: SubscriptionState): Promise<number> {
    if (!subscription.row.retainAckedMessages) return subscription.floor;
    const horizon = await this.#horizon(topic, subscription.row.messageRetentionMs);
    return Math.max(horizon, subscription.row.start);
  }

  /** The first sequence that was published within the last `retentionMs`. */
  async #horizon(topic: TopicState, retentionMs: number): Promise<number> {
    const { store, clock } = this.#registry.ports;
    return await store.locate(topic.lane.appender.log, clock.wallMs() - retentionMs);
  }
}
