import { decodeMessage, type MessageParts } from '../../src/broker/index.ts';
import type { Subscription } from '../../src/broker/index.ts';
import { subscriptionName, type BrokerHarness, type Received } from './broker-harness.ts';

/** A copy on a dead letter topic, in the words of a test. */
export interface SeenLetter {
  readonly text: string;
  readonly orderingKey: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * A topic `orders` with a subscription `kitchen`, and a topic `failed` with a subscription `clerk`
 * that its dead letters go to after `attempts` failures.
 */
export class DeadLetterBench {
  readonly orders: string;
  readonly failed: string;
  readonly kitchen: string = subscriptionName('kitchen');
  readonly clerk: string = subscriptionName('clerk');
  readonly harness: BrokerHarness;

  static async open(
    harness: BrokerHarness,
    options: {
      /** 5 unless said; null: no dead letter policy. */
      readonly attempts?: number | null;
      readonly ordersKey?: string;
      readonly failedKey?: string;
      readonly kitchen?: Partial<Subscription>;
    } = {},
  ): Promise<DeadLetterBench> {
    const { attempts = 5, ordersKey, failedKey } = options;
    const under = (key: string | undefined): object =>
      key === undefined ? {} : { kmsKeyName: key };
    const orders = await harness.createTopic('orders', under(ordersKey));
    const failed = await harness.createTopic('failed', under(failedKey));
    await harness.createSubscription('clerk', failed);
    await harness.createSubscription('kitchen', orders, {
      ...(attempts === null
        ? {}
        : { deadLetterPolicy: { deadLetterTopic: failed, maxDeliveryAttempts: attempts } }),
      ...options.kitchen,
    });
    return new DeadLetterBench(harness, orders, failed);
  }

  private constructor(harness: BrokerHarness, orders: string, failed: string) {
    this.harness = harness;
    this.orders = orders;
    this.failed = failed;
  }

  /** Pulls what is there and gives it back, `times` times; the deliveries of each round. */
  async refuse(times: number): Promise<Received[][]> {
    const rounds: Received[][] = [];
    for (let round = 0; round < times; round++) {
      const batch = await this.harness.pull(this.kitchen);
      rounds.push(batch);
      await this.nack(batch);
    }
    return rounds;
  }

  async nack(batch: readonly Received[]): Promise<void> {
    const ackIds = batch.map(({ ackId }) => ackId);
    const { broker, clock } = this.harness;
    await this.harness.until(broker.modifyAckDeadline(this.kitchen, ackIds, 0));
    await clock.settle();
  }

  /** What has come to the dead letter topic since the last call. */
  async letters(): Promise<SeenLetter[]> {
    const batch = await this.harness.pull(this.clerk);
    const ackIds = batch.map(({ ackId }) => ackId);
    if (ackIds.length > 0) await this.harness.acknowledge(this.clerk, ackIds);
    return batch.map(({ bytes, text }) => ({ text, ...partsOf(decodeMessage(bytes)) }));
  }

  async unacked(): Promise<number> {
    const reports = await this.harness.until(this.harness.broker.backlogs());
    return reports.find(({ subscription }) => subscription === this.kitchen)!.unackedCount;
  }

  /** Changes a setting of the kitchen's subscription; what is undefined is taken away. */
  async change(field: string, value: Partial<Subscription>): Promise<void> {
    const { broker } = this.harness;
    const change = (stored: Subscription): Subscription => {
      const { deadLetterPolicy: _letters, retryPolicy: _retry, ...rest } = stored;
      return { ...rest, ...value };
    };
    await this.harness.until(broker.updateSubscription(this.kitchen, change, [field]));
  }
}

const partsOf = ({
  attributes,
  orderingKey,
}: MessageParts): Pick<SeenLetter, 'attributes' | 'orderingKey'> => ({
  attributes: Object.fromEntries(attributes),
  orderingKey,
});
