import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BrokerHarness, type Received } from '../../../test/support/broker-harness.ts';
import { sealableMessage } from '../index.ts';
import type { Subscription } from '../service.ts';
import { peekLimits } from './backlog-views.ts';

/** What a client does, or time, or a crash. Numbers choose among what is there. */
type Step =
  | { readonly kind: 'publish'; readonly colours: readonly number[] }
  | { readonly kind: 'pull'; readonly count: number }
  | { readonly kind: 'settle'; readonly at: number; readonly seconds: number | null }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'seek'; readonly agoMs: number }
  | { readonly kind: 'restart' };

interface Script {
  readonly settings: Partial<Subscription>;
  readonly steps: readonly Step[];
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      colours: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pull' as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      at: fc.nat(20),
      seconds: fc.constantFrom(null, null, 0, 30),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(100, 3_000, 11_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('seek' as const),
      agoMs: fc.constantFrom(0, 5_000, 60_000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

const script: fc.Arbitrary<Script> = fc.record({
  settings: fc
    .record({
      enableMessageOrdering: fc.boolean(),
      enableExactlyOnceDelivery: fc.boolean(),
      retainAckedMessages: fc.constant(true),
      filter: fc.constantFrom('', 'attributes.colour != "0"'),
      retryPolicy: fc.constantFrom(undefined, { minimumBackoffMs: 2_000, maximumBackoffMs: 9_000 }),
    })
    .map(({ filter, retryPolicy, ...more }) => ({
      ...more,
      ...(filter !== '' && { filter }),
      ...(retryPolicy && { retryPolicy }),
    })),
  steps: fc.array(steps, { minLength: 5, maxLength: 20 }),
});

/** All that clients see: what came, with its ack id and attempt, and when. */
async function traceOf({ settings, steps: script }: Script, isPeeking: boolean): Promise<string[]> {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders', { messageRetentionMs: 3_600_000 });
  const dead = await harness.createTopic('dead');
  const name = await harness.createSubscription('billing', topic, {
    ...settings,
    deadLetterPolicy: { deadLetterTopic: dead, maxDeliveryAttempts: 100 },
  });
  const trace: string[] = [];
  const held: Received[] = [];
  const peek = async (messagesMax: number): Promise<void> => {
    let pageToken = '';
    do {
      const request = { ...peekLimits, messagesMax, pageToken };
      const next = harness.broker.views.peek(name, request, (page) => page.nextPageToken);
      pageToken = await harness.until(next);
    } while (pageToken !== '');
  };
  const told = (received: readonly Received[]): void => {
    const nowMs = harness.clock.wallMs();
    for (const { messageId, deliveryAttempt, ackId } of received)
      trace.push(`${nowMs} ${messageId} ${deliveryAttempt} ${ackId}`);
  };
  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'publish') await publish(harness, topic, step.colours);
    else if (step.kind === 'pull') {
      // A Pull may bring a part of what is there: how large a part is no promise.
      for (let missing = step.count; missing > 0;) {
        const received = await harness.pull(name, missing);
        if (received.length === 0) break;
        told(received);
        held.push(...received);
        missing -= received.length;
      }
    } else if (step.kind === 'settle') trace.push(await settle(harness, name, held, step));
    else if (step.kind === 'pass') await harness.clock.advance(step.ms);
    else if (step.kind === 'restart') await harness.restart();
    else {
      const timeMs = harness.clock.wallMs() - step.agoMs;
      await harness.until(harness.broker.seek(name, { timeMs }));
    }
  };
  for (const [index, step] of script.entries()) {
    await take(step);
    if (isPeeking) await peek(1 + (index % 3));
    const { unackedCount, outstandingCount } = await harness.until(
      harness.broker.diagnoseSubscription(name),
    );
    trace.push(`${unackedCount} unacknowledged, ${outstandingCount} outstanding`);
  }
  // Whatever is leased still comes when its lease ends, and not before.
  const stream = await harness.openStream(name);
  stream.onBatch = told;
  for (let i = 0; i < 4; i++) await harness.clock.advance(12_000);
  await harness.close();
  return trace;
}

async function publish(
  harness: BrokerHarness,
  topic: string,
  colours: readonly number[],
): Promise<void> {
  const [first] = colours;
  const orderingKey = first === 2 ? '' : `key${first}`;
  const messages = colours.map((colour) =>
    sealableMessage({
      data: Buffer.from('x'),
      attributes: [['colour', String(colour)]],
      orderingKey,
    }),
  );
  await harness.until(harness.broker.publish(topic, messages));
}

/** Acknowledges one of those that came, or changes its deadline; says how that ended. */
async function settle(
  harness: BrokerHarness,
  name: string,
  held: readonly Received[],
  { at, seconds }: Extract<Step, { kind: 'settle' }>,
): Promise<string> {
  const message = held[at % Math.max(1, held.length)];
  if (message === undefined) return 'nothing to settle';
  const { broker } = harness;
  const ended =
    seconds === null
      ? broker.acknowledgeEach(name, [message.ackId])
      : broker.modifyAckDeadlineEach(name, [message.ackId], seconds);
  return `${message.messageId} ${seconds}: ${(await harness.until(ended)).join()}`;
}

test('who looks changes nothing: deliveries, attempts, lease ends and counts are the same', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (each) => {
      expect(await traceOf(each, true)).toEqual(await traceOf(each, false));
    }),
    { numRuns: 15 },
  );
});

test('nor does looking keep a subscription from expiring', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const dayMs = 24 * 3_600_000;
  const name = await harness.createSubscription('billing', topic, { expirationTtlMs: dayMs });
  await harness.publish(topic, 'one');
  for (let hour = 0; hour < 23; hour++) {
    await harness.clock.advance(3_600_000);
    const count = harness.broker.views.peek(
      name,
      { ...peekLimits, pageToken: '' },
      ({ messages }) => messages.length,
    );
    expect(await harness.until(count)).toBe(1);
  }
  await harness.clock.advance(2 * 3_600_000);
  await harness.until(harness.broker.sweep());
  await expect(harness.broker.getSubscription(name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});
