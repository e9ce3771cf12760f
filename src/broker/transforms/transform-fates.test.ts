import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { scripted, ScriptedTransforms } from '../../../test/support/scripted-transforms.ts';
import type { TransformableMessage } from '../../transforms/index.ts';
import { sealableMessage } from '../wire/index.ts';

/** What a transform makes of a message each time that it sees it; the last goes on for ever. */
type Fate = readonly ('pass' | 'filter' | 'fail')[];

const fates: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fate>(['pass']) },
  fc.constant<Fate>(['filter']),
  fc.constant<Fate>(['fail']),
  fc.constant<Fate>(['fail', 'fail', 'pass']),
  fc.constant<Fate>(['fail', 'filter']),
);

/** What the subscriber does with what it got. */
type Next = 'ack' | 'nack' | 'nothing';

type Step =
  | { readonly kind: 'publish'; readonly fates: readonly Fate[]; readonly key: string }
  | { readonly kind: 'pull'; readonly max: number; readonly next: Next }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'outage'; readonly isOut: boolean }
  | { readonly kind: 'restart' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('publish' as const),
    fates: fc.array(fates, { minLength: 1, maxLength: 6 }),
    key: fc.constantFrom('', 'a', 'b'),
  }),
  fc.record({
    kind: fc.constant('pull' as const),
    max: fc.integer({ min: 1, max: 8 }),
    next: fc.constantFrom<Next>('ack', 'nack', 'nothing'),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 12_000 }) }),
  fc.record({ kind: fc.constant('outage' as const), isOut: fc.boolean() }),
  fc.constant<Step>({ kind: 'restart' }),
);

/** A topic whose subscription has transforms with fates, and one for what they cannot bear. */
class FateBench {
  readonly engine: ScriptedTransforms = new ScriptedTransforms();
  readonly fates: Map<string, Fate> = new Map();
  /** Texts by what has become of them; delivered ones in the order of their first delivery. */
  readonly delivered: string[] = [];
  readonly filtered: Set<string> = new Set();
  readonly letters: Set<string> = new Set();
  harness!: BrokerHarness;
  #topic = '';
  #subscription = '';
  #clerk = '';
  readonly #seen = new Map<string, number>();

  async open(isOrdered: boolean, isExactlyOnce: boolean): Promise<void> {
    this.engine.scripts.set('fate', (text, message) => this.#fate(text, message));
    this.harness = await BrokerHarness.open({ transforms: this.engine });
    this.#topic = await this.harness.createTopic('orders');
    const failed = await this.harness.createTopic('failed');
    this.#clerk = await this.harness.createSubscription('clerk', failed);
    this.#subscription = await this.harness.createSubscription('kitchen', this.#topic, {
      messageTransforms: [scripted('fate')],
      deadLetterPolicy: { deadLetterTopic: failed, maxDeliveryAttempts: 5 },
      ...(isOrdered && { enableMessageOrdering: true }),
      ...(isExactlyOnce && { enableExactlyOnceDelivery: true }),
    });
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'publish') await this.#publish(step);
    else if (step.kind === 'pull') await this.pull(step.max, step.next);
    else if (step.kind === 'wait') await this.harness.clock.advance(step.ms);
    else if (step.kind === 'restart') await this.harness.restart();
    else this.engine.failure = step.isOut ? new Error('nobody runs code now') : null;
  }

  async pull(max: number, next: Next): Promise<void> {
    const received = await this.harness.pull(this.#subscription, max);
    for (const { text } of received) {
      expect(text).toMatch(/^made of \d+\.\d+\.(a|b|)$/);
      const original = text.slice('made of '.length);
      if (!this.delivered.includes(original)) this.delivered.push(original);
    }
    const ackIds = received.map(({ ackId }) => ackId);
    if (ackIds.length === 0 || next === 'nothing') return;
    const { broker } = this.harness;
    // Each is told what became of it: in order, the nack of one is that of those behind it.
    if (next === 'nack') {
      await this.harness.until(broker.modifyAckDeadlineEach(this.#subscription, ackIds, 0));
    } else await this.harness.until(broker.acknowledgeEach(this.#subscription, ackIds));
  }

  /** Until nothing is left: every delivery acknowledged, every failure forwarded. */
  async finish(): Promise<void> {
    this.engine.failure = null;
    for (let round = 0; round < 200; round++) {
      await this.pull(1_000, 'ack');
      const [report] = (await this.harness.until(this.harness.broker.backlogs())).filter(
        ({ subscription }) => subscription === this.#subscription,
      );
      if (report!.unackedCount === 0) break;
      await this.harness.clock.advance(2_000);
    }
    for (const { text } of await this.harness.pull(this.#clerk)) this.letters.add(text);
  }

  async #publish({ fates: given, key }: Step & { kind: 'publish' }): Promise<void> {
    const turn = this.fates.size;
    const messages = given.map((fate, i) => {
      const text = `${turn}.${i}.${key}`;
      this.fates.set(text, fate);
      return sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: key });
    });
    await this.harness.until(this.harness.broker.publish(this.#topic, messages));
  }

  #fate(text: string, message: TransformableMessage): string | null | { fails: string } {
    expect(message.messageId).toMatch(/^\d{17}$/);
    const fate = this.fates.get(text)!;
    const seen = this.#seen.get(text) ?? 0;
    this.#seen.set(text, seen + 1);
    const now = fate[Math.min(seen, fate.length - 1)]!;
    if (now === 'filter') this.filtered.add(text);
    if (now === 'fail') return { fails: 'no' };
    return now === 'filter' ? null : `made of ${text}`;
  }
}

test.each([
  [false, false],
  [true, false],
  [true, true],
])(
  'ordered %s, exactly once %s: whatever transforms do, each message is delivered as they made it, filtered or a dead letter',
  async (isOrdered, isExactlyOnce) => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 14 }), async (taken) => {
        const bench = new FateBench();
        await bench.open(isOrdered, isExactlyOnce);
        for (const step of taken) await bench.take(step);
        await bench.finish();
        const { delivered, filtered, letters, fates: all } = bench;
        const ended = new Set([...delivered, ...filtered, ...letters]);
        expect([...ended].toSorted()).toEqual([...all.keys()].toSorted());
        for (const [text, fate] of all) {
          if (fate.at(-1) === 'fail') expect(letters).toContain(text);
          if (fate.length === 1 && fate[0] === 'pass') expect(delivered).toContain(text);
          if (fate.at(-1) !== 'pass') expect(delivered).not.toContain(text);
        }
        if (isOrdered) for (const key of ['a', 'b']) expectOrder(delivered, all, key);
        await bench.harness.close();
      }),
      { numRuns: 12 },
    );
  },
);

/** Those of one key that were delivered at all came first in the order in which they were published. */
function expectOrder(
  delivered: readonly string[],
  all: ReadonlyMap<string, Fate>,
  key: string,
): void {
  const ofKey = (texts: Iterable<string>): string[] =>
    [...texts].filter((text) => text.endsWith(`.${key}`));
  const came = ofKey(delivered);
  expect(came).toEqual(ofKey(all.keys()).filter((text) => came.includes(text)));
}
