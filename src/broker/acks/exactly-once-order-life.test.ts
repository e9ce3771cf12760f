import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { Chance } from '../../../test/support/chance.ts';
import { sealableMessage } from '../wire/index.ts';

const messageCount = 30;

interface Known {
  readonly key: string;
  ackId: string;
  isAcked: boolean;
  /** It was delivered, and nothing is known that would have ended that. */
  isOut: boolean;
}

/** One subscriber that pulls, in the order of keys and exactly once. */
class Life {
  readonly #harness: BrokerHarness;
  readonly #subscription: string;
  /** In the order of publication. */
  readonly #known = new Map<string, Known>();
  readonly #chance: Chance;

  static async run(seed: number): Promise<void> {
    const harness = await BrokerHarness.open({ seed });
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic, {
      enableExactlyOnceDelivery: true,
      enableMessageOrdering: true,
      ackDeadlineSeconds: 60,
    });
    const life = new Life(harness, subscription, seed);
    for (let i = 0; i < messageCount; i++) await life.#publish(topic, i);
    for (let round = 0; round < 120; round++) await life.#step();
    await life.#finish();
    await harness.close();
  }

  private constructor(harness: BrokerHarness, subscription: string, seed: number) {
    this.#harness = harness;
    this.#subscription = subscription;
    this.#chance = new Chance(seed);
  }

  async #publish(topic: string, i: number): Promise<void> {
    const key = 'abc'[this.#chance.below(3)]!;
    const data = Buffer.from(`${key}:${i}`);
    const message = sealableMessage({ data, attributes: [], orderingKey: key });
    await this.#harness.until(this.#harness.broker.publish(topic, [message]));
    this.#known.set(`${key}:${i}`, { key, ackId: '', isAcked: false, isOut: false });
  }

  async #step(): Promise<void> {
    const actions = [
      () => this.#pull(),
      () => this.#pull(),
      () => this.#acknowledge(),
      () => this.#acknowledge(),
      () => this.#modify(0),
      () => this.#modify(600),
      () => this.#harness.clock.advance(this.#chance.below(80) * 1_000),
      () => this.#harness.restart(),
    ];
    await actions[this.#chance.below(actions.length)]!();
  }

  async #pull(): Promise<Received[]> {
    const received = await this.#harness.pull(this.#subscription, 1 + this.#chance.below(8));
    for (const { text, ackId } of received) {
      const known = this.#known.get(text)!;
      expect(known.isAcked, `${text} comes again after its ack`).toBe(false);
      const earlier = this.#before(text).filter(({ isAcked, isOut }) => !isAcked && !isOut);
      expect(earlier, `${text} overtakes`).toEqual([]);
      known.ackId = ackId;
      known.isOut = true;
    }
    return received;
  }

  /** The messages of its key that were published before it. */
  #before(text: string): Known[] {
    const { key } = this.#known.get(text)!;
    const earlier = [...this.#known].slice(0, [...this.#known.keys()].indexOf(text));
    return earlier.map(([, known]) => known).filter((known) => known.key === key);
  }

  #some(): [string, Known][] {
    return [...this.#known].filter(([, { ackId }]) => ackId !== '' && this.#chance.below(3) === 0);
  }

  async #acknowledge(): Promise<void> {
    for (const [text, known] of this.#some()) {
      const { broker } = this.#harness;
      const asked = broker.acknowledgeEach(this.#subscription, [known.ackId]);
      const [result] = await this.#harness.until(asked);
      const isFirst = this.#before(text).every(({ isAcked }) => isAcked);
      if (known.isAcked) expect(result).toBe('done');
      if (result === 'unordered') expect(isFirst, `${text} is unordered`).toBe(false);
      if (result === 'expired') known.isOut = false;
      if (result === 'done') known.isAcked = true;
    }
  }

  async #modify(seconds: number): Promise<void> {
    for (const [, known] of this.#some()) {
      const { broker } = this.#harness;
      const asked = broker.modifyAckDeadlineEach(this.#subscription, [known.ackId], seconds);
      const [result] = await this.#harness.until(asked);
      if (result === 'expired' || seconds === 0) known.isOut = false;
    }
  }

  /** Everything that is not acknowledged comes, in order, and can be acknowledged. */
  async #finish(): Promise<void> {
    await this.#harness.clock.advance(601_000);
    for (let round = 0; round < messageCount; round++) {
      for (const known of this.#known.values()) known.isOut = false;
      const received = await this.#pull();
      const ackIds = received.map(({ ackId }) => ackId);
      if (ackIds.length > 0) await this.#harness.acknowledge(this.#subscription, ackIds);
      for (const { text } of received) this.#known.get(text)!.isAcked = true;
    }
    expect([...this.#known].filter(([, { isAcked }]) => !isAcked)).toEqual([]);
  }
}

test.each([1, 2, 3, 4])(
  'nothing overtakes within a key, and nothing is stuck in it, over crashes (seeds from %i00)',
  async (hundreds) => {
    for (let seed = hundreds * 100; seed < hundreds * 100 + 5; seed++) await Life.run(seed);
  },
);
