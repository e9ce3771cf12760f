import type { Clock } from '../../runtime/index.ts';
import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { DeadLetters } from '../dead-letter/dead-letters.ts';
import { retryDelayMs } from '../dead-letter/retry-delay.ts';
import type { TopicState } from '../topic-state.ts';
import { transformDelayMs } from '../transforms/transform-delay.ts';
import type { Backlog } from './backlog.ts';
import type { Redelivery } from './backlog-options.ts';
import type { Lease } from './lease.ts';

/** What becomes of a message that failed: its subscription's policies, as they are then. */
export class RedeliveryRules {
  readonly #row: () => SubscriptionRow;
  readonly #topic: TopicState;
  readonly #clock: Clock;
  readonly #deadLetters: DeadLetters;
  /** Why those failed that are being forwarded, if a transform did not bear them. */
  readonly #errors = new Map<Lease, string>();

  constructor(options: {
    readonly row: () => SubscriptionRow;
    readonly topic: TopicState;
    readonly clock: Clock;
    readonly deadLetters: DeadLetters;
  }) {
    this.#row = options.row;
    this.#topic = options.topic;
    this.#clock = options.clock;
    this.#deadLetters = options.deadLetters;
  }

  of(lease: Lease): Redelivery {
    const { deadLetterPolicy } = this.#row();
    const isExhausted =
      deadLetterPolicy !== undefined && lease.failures >= deadLetterPolicy.maxDeliveryAttempts;
    return isExhausted ? 'forward' : this.#retryMs(lease);
  }

  /** A transform did not bear a message that nobody has: as a nack, but never tried again at once. */
  transformFailed(lease: Lease, message: string): void {
    const isCounted = this.#row().deadLetterPolicy !== undefined;
    const delayMs = transformDelayMs(lease.failures + 1, isCounted);
    this.#errors.set(lease, message);
    lease.backlog.failTransform(lease, this.#clock.monotonicMs() + delayMs);
    if (lease.state !== 'forwarding') this.#errors.delete(lease);
  }

  /** The number of a delivery; 0 without a dead letter policy (pubsub.v1 ReceivedMessage). */
  attemptOf(lease: Lease): number {
    return this.#row().deadLetterPolicy === undefined ? 0 : lease.failures + 1;
  }

  /**
   * Brings a message to the dead letter topic, then acknowledges it; if that cannot be done it
   * comes again as if it had failed once more.
   */
  async forward(lease: Lease, backlog: Backlog, acknowledged: () => void): Promise<void> {
    const deliveryError = this.#errors.get(lease);
    const code = await this.#deadLetters.forward({
      subscription: this.#row(),
      topic: this.#topic,
      sequence: lease.sequence,
      failures: lease.failures,
      isOver: () => lease.state !== 'forwarding',
      ...(deliveryError !== undefined && { deliveryError }),
    });
    this.#errors.delete(lease);
    if (lease.state !== 'forwarding') return;
    if (code !== 'OK') backlog.forwardFailed(lease, this.#retryMs(lease));
    else if (backlog.acknowledge(lease) === 'done') acknowledged();
  }

  /** Monotonic; 0: at once. */
  #retryMs(lease: Lease): number {
    const { retryPolicy } = this.#row();
    if (retryPolicy === undefined) return 0;
    const delayMs = retryDelayMs(retryPolicy, lease.failures);
    return delayMs === 0 ? 0 : this.#clock.monotonicMs() + delayMs;
  }
}
