import { describe, expect, test } from 'vitest';

import { BrokerHarness, project } from '../../../test/support/broker-harness.ts';
import { RpcError } from '../../rpc/index.ts';
import type { ThroughputLimits } from './throughput-quotas.ts';

const unlimited: ThroughputLimits = { publisherBytes: 0, subscriberBytes: 0 };

async function open(limits: Partial<ThroughputLimits>): Promise<{
  harness: BrokerHarness;
  topic: string;
  subscription: string;
}> {
  const harness = await BrokerHarness.open({ limits: { throughput: { ...unlimited, ...limits } } });
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic);
  return { harness, topic, subscription };
}

const refusalOf = (call: Promise<unknown>): Promise<RpcError> =>
  call.then(
    () => expect.unreachable('it was not refused'),
    (error: unknown) => error as RpcError,
  );

/** Sealed: two bytes of the field's head, and its length. */
const kilobyte = 'x'.repeat(1_000);

describe('publishers', () => {
  test('a project that published too much waits until it has made up for it, and is told how long', async () => {
    const { harness, topic } = await open({ publisherBytes: 1_000 });
    await harness.publish(topic, kilobyte, kilobyte, kilobyte);
    const refusal = await refusalOf(harness.publish(topic, 'one more'));
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'RATE_LIMIT_EXCEEDED' });
    expect(refusal.message).toBe(
      "Quota exceeded for quota metric 'pubsub.googleapis.com/regionalpublisher' and limit " +
        `'regionalpublisher per project' of service 'pubsub.googleapis.com' for consumer 'project:${project.slice(9)}'.`,
    );
    const retry = refusal.details.find((detail) => 'retryDelay' in detail);
    const waitMs = Math.round(Number.parseFloat(retry!.retryDelay) * 1_000);
    expect(waitMs).toBeGreaterThan(2_000);
    await harness.clock.advance(waitMs - 1);
    await refusalOf(harness.publish(topic, 'too soon'));
    await harness.clock.advance(1);
    expect(await harness.publish(topic, 'in time')).toHaveLength(1);
    await harness.close();
  });

  test('a request larger than a second holds passes when nothing is owed, whole', async () => {
    const { harness, topic } = await open({ publisherBytes: 10 });
    expect(await harness.publish(topic, kilobyte)).toHaveLength(1);
    await harness.close();
  });

  test('what is refused for another reason is not counted, nor does one project pay for another', async () => {
    const { harness, topic } = await open({ publisherBytes: 1_000 });
    const elsewhere = 'projects/other/topics/orders';
    await refusalOf(harness.publish(elsewhere, kilobyte, kilobyte));
    await harness.until(harness.broker.createTopic({ name: elsewhere, labels: {} }));
    await harness.publish(elsewhere, kilobyte, kilobyte);
    await refusalOf(harness.publish(elsewhere, 'x'));
    expect(await harness.publish(topic, 'x')).toHaveLength(1);
    await harness.close();
  });
});

describe('subscribers', () => {
  test('a pull is refused while its project owes, and no message is lost or leased by it', async () => {
    const { harness, topic, subscription } = await open({ subscriberBytes: 1_000 });
    await harness.publish(topic, kilobyte, kilobyte, kilobyte);
    await harness.publish(topic, 'last');
    expect((await harness.pull(subscription, 3)).length).toBeGreaterThan(0);
    const refusal = await refusalOf(harness.pull(subscription));
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'RATE_LIMIT_EXCEEDED' });
    await harness.clock.advance(2_100);
    const later = await harness.pull(subscription);
    expect(later.map(({ text }) => text)).toContain('last');
    await harness.close();
  });

  test('a stream is not refused: it waits, and goes on by itself', async () => {
    const { harness, topic, subscription } = await open({ subscriberBytes: 1_000 });
    const stream = await harness.openStream(subscription);
    await harness.publish(topic, kilobyte, kilobyte);
    await harness.publish(topic, 'later');
    await harness.clock.advance(500);
    expect(stream.received).toHaveLength(2);
    await harness.clock.advance(1_000);
    expect(stream.received.map(({ text }) => text).at(-1)).toBe('later');
    expect(stream.failure).toBeNull();
    await harness.close();
  });

  test('a client that is slow meanwhile is asked again only when it is ready', async () => {
    const { harness, topic, subscription } = await open({ subscriberBytes: 1_000 });
    const stream = await harness.openStream(subscription);
    stream.isReady = false;
    await harness.publish(topic, kilobyte, kilobyte);
    await harness.publish(topic, 'later');
    await harness.clock.advance(5_000);
    expect(stream.received).toHaveLength(2);
    stream.isReady = true;
    stream.stream.resume();
    await harness.clock.advance(0);
    expect(stream.received).toHaveLength(3);
    await harness.close();
  });

  test('a stream that ends while it waits leaves no timer behind', async () => {
    const { harness, topic, subscription } = await open({ subscriberBytes: 10 });
    const stream = await harness.openStream(subscription);
    await harness.publish(topic, kilobyte);
    const waiting = harness.clock.pendingCount;
    stream.stream.close();
    expect(harness.clock.pendingCount).toBeLessThan(waiting);
    await harness.close();
  });
});
