import { type Clock, TokenBuckets } from '../../runtime/index.ts';
import { rateExceeded } from './rate-exceeded.ts';

export interface ThroughputLimits {
  /** Bytes a second that may be published in one project; 0: no limit. */
  readonly publisherBytes: number;
  /** The same of bytes that are pulled, by Pull or by streams. */
  readonly subscriberBytes: number;
}

type Kind = 'publisher' | 'subscriber';

const metrics: Readonly<Record<Kind, string>> = {
  publisher: 'pubsub.googleapis.com/regionalpublisher',
  subscriber: 'pubsub.googleapis.com/regionalsubscriber',
};

/**
 * Pub/Sub's quotas on throughput, by the second, of each project. What goes over is let through and
 * made up for: a request of any size passes once nothing is owed.
 */
export class ThroughputQuotas {
  readonly #clock: Clock;
  readonly #buckets: Readonly<Record<Kind, TokenBuckets | null>>;

  constructor({ publisherBytes, subscriberBytes }: ThroughputLimits, clock: Clock) {
    this.#clock = clock;
    this.#buckets = {
      publisher: publisherBytes === 0 ? null : new TokenBuckets(publisherBytes),
      subscriber: subscriberBytes === 0 ? null : new TokenBuckets(subscriberBytes),
    };
  }

  /**
   * Counts what is about to be published.
   *
   * @throws RpcError RESOURCE_EXHAUSTED with a RetryInfo while too much was published just before
   */
  publish(topic: string, messageBytes: readonly number[]): void {
    if (this.#buckets.publisher === null) return;
    this.#require('publisher', topic);
    this.#borrow(
      'publisher',
      topic,
      messageBytes.reduce((sum, bytes) => sum + bytes, 0),
    );
  }

  /** As `publish`, for a unary pull, whose bytes are known only later. */
  requirePull(subscription: string): void {
    this.#require('subscriber', subscription);
  }

  /** Counts what was handed out; the ms for which a stream should hand out no more. */
  delivered(subscription: string, bytes: number): number {
    if (this.#buckets.subscriber === null) return 0;
    this.#borrow('subscriber', subscription, bytes);
    return this.#waitMs('subscriber', subscription);
  }

  #require(kind: Kind, resource: string): void {
    const waitMs = this.#waitMs(kind, resource);
    if (waitMs > 0) throw rateExceeded(metrics[kind], 'per project', projectOf(resource), waitMs);
  }

  #waitMs(kind: Kind, resource: string): number {
    const nowMs = this.#clock.monotonicMs();
    return this.#buckets[kind]?.of(projectOf(resource), nowMs).waitMs(nowMs) ?? 0;
  }

  #borrow(kind: Kind, resource: string, bytes: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#buckets[kind]?.of(projectOf(resource), nowMs).borrow(bytes, nowMs);
  }
}

/** `P` of `projects/P/topics/T`. */
const projectOf = (resource: string): string => resource.split('/', 2)[1] ?? '';
