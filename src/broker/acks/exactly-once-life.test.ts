import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { Chance } from '../../../test/support/chance.ts';
import type { SettleResult } from '../service.ts';

/** What its subscriber knows of one message. */
interface Known {
  /** The ids of its deliveries, in order. */
  readonly ackIds: string[];
  /** `unknown`: something was answered with `failed`. */
  state: 'waiting' | 'leased' | 'acked' | 'unknown';
  /** Not delivered again before this, of the virtual clock. */
  leasedUntilMs: number;
}

const deadlineMs = 60_000;
/** The wheel of deadlines turns as often. */
const slotMs = 100;
const messageCount = 30;

class Life {
  readonly #harness: BrokerHarness;
  readonly #subscription: string;
  readonly #known = new Map<string, Known>();
  readonly #chance: Chance;

  static async run(seed: number): Promise<void> {
    const harness = await BrokerHarness.open({ seed });
    const topic = await harness.createTopic('orders');
    const subscription = await harness.createSubscription('billing', topic, {
      enableExactlyOnceDelivery: true,
      ackDeadlineSeconds: deadlineMs / 1_000,
    });
    const names = Array.from({ length: messageCount }, (_, i) => `message ${i}`);
    await harness.publish(topic, ...names);
    const life = new Life(harness, subscription, names, seed);
    for (let round = 0; round < 120; round++) await life.#step();
    await life.#finish();
    await harness.close();
  }

  private constructor(
    harness: BrokerHarness,
    subscription: string,
    names: readonly string[],
    seed: number,
  ) {
    this.#harness = harness;
    this.#subscription = subscription;
    this.#chance = new Chance(seed);
    for (const name of names) {
      this.#known.set(name, { ackIds: [], state: 'waiting', leasedUntilMs: 0 });
    }
  }

  get #nowMs(): number {
    return this.#harness.clock.monotonicMs();
  }

  async #step(): Promise<void> {
    const actions = [
      () => this.#pull(),
      () => this.#pull(),
      () => this.#acknowledge(),
      () => this.#acknowledge(),
      () => this.#modify(0),
      () => this.#modify(10 + this.#chance.below(590)),
      () => this.#harness.clock.advance(this.#chance.below(40) * 1_000),
      () => this.#restart(),
      () => this.#breakDisk(),
    ];
    await actions[this.#chance.below(actions.length)]!();
  }

  async #breakDisk(): Promise<void> {
    const faults = ['io', 'conflict', 'unknown-landed', 'unknown-lost'] as const;
    this.#harness.faults.next(faults[this.#chance.below(faults.length)]!);
    await this.#harness.clock.settle();
  }

  async #restart(): Promise<void> {
    this.#harness.dropFaults();
    // A crash, or an end in order, which leaves a snapshot.
    if (this.#chance.below(2) === 0) await this.#harness.until(this.#harness.broker.drain());
    await this.#harness.restart();
  }

  async #pull(): Promise<void> {
    const startMs = this.#nowMs;
    let received: Received[] = [];
    try {
      received = await this.#harness.pull(this.#subscription, 1 + this.#chance.below(8));
    } catch (error) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    }
    for (const { text, ackId } of received) {
      const known = this.#known.get(text)!;
      expect(known.state, `${text} comes again after its ack`).not.toBe('acked');
      if (known.state === 'leased') {
        expect(this.#nowMs, `${text} comes before its deadline`).toBeGreaterThanOrEqual(
          known.leasedUntilMs,
        );
      }
      expect(known.ackIds).not.toContain(ackId);
      known.ackIds.push(ackId);
      known.state = 'leased';
      known.leasedUntilMs = startMs + deadlineMs;
    }
  }

  /** Some messages that were delivered, each with one of its ids: most often the last. */
  #some(): { known: Known; ackId: string; isLast: boolean }[] {
    const delivered = [...this.#known.values()].filter(({ ackIds }) => ackIds.length > 0);
    return delivered
      .filter(() => this.#chance.below(4) === 0)
      .map((known) => {
        const { ackIds } = known;
        const ackId =
          ackIds[
            this.#chance.below(4) === 0 ? this.#chance.below(ackIds.length) : ackIds.length - 1
          ]!;
        return { known, ackId, isLast: ackId === ackIds.at(-1) };
      });
  }

  async #acknowledge(): Promise<void> {
    const some = this.#some();
    const { broker } = this.#harness;
    const ackIds = some.map(({ ackId }) => ackId);
    const startMs = this.#nowMs;
    const results = await this.#harness.until(broker.acknowledgeEach(this.#subscription, ackIds));
    for (const [i, { known, isLast }] of some.entries()) {
      this.#checkResult(results[i]!, known, isLast, startMs);
      if (results[i] === 'done') known.state = 'acked';
      else if (results[i] === 'failed') known.state = 'unknown';
    }
  }

  /** Only the last id counts, until its deadline; and it does so again once it has. */
  #checkResult(result: SettleResult, known: Known, isLast: boolean, startMs: number): void {
    if (known.state === 'unknown') return;
    if (known.state === 'acked') {
      // Of what an earlier id is worth after the ack of a later one a restart knows nothing.
      if (isLast) expect(['done', 'failed']).toContain(result);
      return;
    }
    if (!isLast || known.state === 'waiting') expect(result).toBe('expired');
    else if (startMs < known.leasedUntilMs) expect(['done', 'failed']).toContain(result);
  }

  async #modify(seconds: number): Promise<void> {
    const some = this.#some();
    const { broker } = this.#harness;
    const ackIds = some.map(({ ackId }) => ackId);
    const startMs = this.#nowMs;
    const results = await this.#harness.until(
      broker.modifyAckDeadlineEach(this.#subscription, ackIds, seconds),
    );
    for (const [i, { known, isLast }] of some.entries()) {
      const result = results[i]!;
      const isNackAgain = seconds === 0 && isLast && known.state === 'waiting';
      if (known.state === 'acked') expect(result).toBe('expired');
      else if (!isNackAgain) this.#checkResult(result, known, isLast, startMs);
      if (result === 'expired' || known.state === 'acked') continue;
      if (seconds === 0) known.state = result === 'done' ? 'waiting' : 'unknown';
      else if (known.state === 'leased') this.#moved(known, startMs + seconds * 1_000, result);
    }
  }

  /** What was not answered may hold or not: the earlier deadline is what is sure. */
  #moved(known: Known, untilMs: number, result: SettleResult): void {
    known.leasedUntilMs = result === 'done' ? untilMs : Math.min(untilMs, known.leasedUntilMs);
  }

  /** Everything that is not acknowledged comes, and then nothing any more. */
  async #finish(): Promise<void> {
    await this.#restart();
    for (let round = 0; round < 12; round++) {
      await this.#harness.clock.advance(601_000 + slotMs);
      await this.#pull();
      for (const known of this.#known.values()) {
        if (known.state !== 'leased' || this.#nowMs >= known.leasedUntilMs) continue;
        await this.#harness.acknowledge(this.#subscription, known.ackIds.slice(-1));
        known.state = 'acked';
      }
    }
    const left = [...this.#known.values()].filter(
      ({ state }) => state !== 'acked' && state !== 'unknown',
    );
    expect(left).toEqual([]);
    expect((await this.#harness.broker.backlogs())[0]).toMatchObject({ unackedCount: 0 });
  }
}

test.each([1, 2, 3, 4])(
  'no ack is forgotten and no lease is broken, whatever fails (seeds from %i00)',
  async (hundreds) => {
    for (let seed = hundreds * 100; seed < hundreds * 100 + 5; seed++) await Life.run(seed);
  },
);
