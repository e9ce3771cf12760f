import { EnvelopeError, segmentDekVersion, type Dek } from '../../envelope/index.ts';
import type { DekManager } from '../../envelope/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Segment, Store } from '../../storage/index.ts';
import type { BrokerObserver } from '../observer.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { TopicState } from '../topic-state.ts';
import { FilterWalk } from './filter-walk.ts';
import { SegmentMatches } from './segment-matches.ts';

const readBytes = 512 * 1024;
/** What one sweep reads at most, of one topic and of all: it comes again soon. */
const topicBytesMax = 4 * 1024 * 1024;
const sweepBytesMax = 32 * 1024 * 1024;
/** Subscriptions of one topic that are looked at together; the others' turn is next. */
const walksMax = 256;
/** Nothing else that the retention sweep does needs a key: it does not wait long for this. */
const keyPatienceMs = 1_000;
/** A key that was refused is asked for again after so long, by whoever comes first. */
const refusedMs = 60_000;

interface SweepPorts {
  readonly store: Store;
  readonly deks: DekManager;
  readonly clock: Clock;
  readonly observer: BrokerObserver;
}

/**
 * Moves filtered subscriptions that nobody reads past the stored messages that they do not get, so
 * that those do not hold the log, and counts those that they do get. Every segment that decides is
 * checked under the topic's key first; where that cannot be had, nothing moves. Once the key service
 * did not answer, nothing more is asked for in this sweep.
 */
export class FilterSweep {
  readonly #store: Store;
  readonly #deks: DekManager;
  readonly #clock: Clock;
  readonly #observer: BrokerObserver;
  /** What was found of each subscription; it holds until the frontier moves. */
  readonly #walks = new WeakMap<SubscriptionState, FilterWalk>();
  /** When each topic's key was last asked for although it had been refused. */
  readonly #triedMs = new WeakMap<TopicState, number>();
  #bytesLeft = sweepBytesMax;

  constructor(ports: SweepPorts) {
    this.#store = ports.store;
    this.#deks = ports.deks;
    this.#clock = ports.clock;
    this.#observer = ports.observer;
  }

  /** A new sweep over all topics. */
  begin(): void {
    this.#bytesLeft = sweepBytesMax;
  }

  /** Throws what the store does. */
  async sweep(topic: TopicState): Promise<void> {
    const walks = [...topic.subscriptions]
      .flatMap((state) => this.#walkOf(state) ?? [])
      .filter(({ next }) => next !== Infinity)
      .slice(0, walksMax);
    if (walks.length === 0 || !this.#mayAsk(topic)) return;
    let bytesLeft = Math.min(topicBytesMax, this.#bytesLeft);
    while (bytesLeft > 0) {
      const next = walks.reduce((first, walk) => Math.min(first, walk.next), Infinity);
      if (next === Infinity) return;
      const segments = await this.#store.read(topic.lane.appender.log, next, readBytes);
      if (!(await this.#isWhole(segments, next, topic))) return;
      const bytes = segments.reduce((sum, { body }) => sum + body.length, 0);
      if (!(await this.#lookAt(segments, topic, walks))) return;
      bytesLeft -= bytes;
      this.#bytesLeft -= bytes;
    }
  }

  /** False: the store has lost some of them, which must not be passed over; who pulls is told. */
  async #isWhole(segments: readonly Segment[], next: number, topic: TopicState): Promise<boolean> {
    let end = segments[0]?.base ?? next;
    if (end > next) {
      const [tail] = await this.#store.tails([topic.lane.appender.log]);
      if (tail === undefined || tail.trim < end) return false;
    }
    for (const { base, count } of segments) {
      if (base !== end) return false;
      end += count;
    }
    return true;
  }

  #mayAsk(topic: TopicState): boolean {
    if (topic.key.isUsable) return true;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#triedMs.get(topic) ?? -Infinity) < refusedMs) return false;
    this.#triedMs.set(topic, nowMs);
    return true;
  }

  #walkOf(state: SubscriptionState): FilterWalk | null {
    if (state.filter === null || state.hasConsumers || state.isEnded) return null;
    const known = this.#walks.get(state);
    if (known?.isCurrent === true) return known;
    const walk = new FilterWalk(state, state.filter);
    this.#walks.set(state, walk);
    return walk;
  }

  /** False if they cannot be looked at now: whoever pulls is told why. */
  async #lookAt(
    segments: readonly Segment[],
    topic: TopicState,
    walks: readonly FilterWalk[],
  ): Promise<boolean> {
    try {
      for (const segment of segments) {
        if (!(await this.#lookAtOne(segment, topic, walks))) return false;
      }
      return segments.length > 0;
    } catch (error) {
      if (error instanceof EnvelopeError || error instanceof RpcError) return false;
      throw error;
    }
  }

  async #lookAtOne(
    segment: Segment,
    topic: TopicState,
    walks: readonly FilterWalk[],
  ): Promise<boolean> {
    const end = segment.base + segment.count;
    const isConcerned = (walk: FilterWalk): boolean => walk.next < end;
    if (!walks.some(isConcerned)) return true;
    const dek = await this.#dekOf(topic, segmentDekVersion(segment.body));
    if (dek?.isAlive !== true) return false;
    const matches = new SegmentMatches(dek, topic.lane.place(segment), segment);
    try {
      for (const walk of walks.filter(isConcerned)) this.#take(walk, matches);
    } finally {
      matches.close();
    }
    return true;
  }

  #take(walk: FilterWalk, matches: SegmentMatches): void {
    const bits = matches.bitsOf(walk.filter);
    const passedCount = walk.take(bits ?? matches.evaluate(walk.filter));
    if (bits === null && passedCount > 0) this.#observer.filtered(walk.name, passedCount);
  }

  /** Null if that takes too long. */
  async #dekOf(topic: TopicState, version: number): Promise<Dek | null> {
    const pending = this.#deks.forOpen(topic.key.topic, version);
    if (!(pending instanceof Promise)) return pending;
    const { promise, resolve, reject } = Promise.withResolvers<Dek | null>();
    const cancel = this.#clock.schedule(this.#clock.monotonicMs() + keyPatienceMs, () => {
      this.#bytesLeft = 0;
      resolve(null);
    });
    pending.then(resolve, reject);
    try {
      return await promise;
    } finally {
      cancel();
    }
  }
}
