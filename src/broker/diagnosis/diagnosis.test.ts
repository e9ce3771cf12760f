import { describe, expect, test } from 'vitest';

import { BrokerHarness, type HarnessOptions } from '../../../test/support/broker-harness.ts';
import { operatorOf } from '../../../test/support/operator-keys.ts';
import type { SubscriptionDiagnosis, Topic } from '../service.ts';

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
  readonly diagnose: () => Promise<SubscriptionDiagnosis>;
}

async function open(options: HarnessOptions = {}, kmsKeyName?: string): Promise<Bench> {
  const harness = await BrokerHarness.open(options);
  return await bench(harness, kmsKeyName);
}

async function bench(harness: BrokerHarness, kmsKeyName?: string): Promise<Bench> {
  const key = kmsKeyName === undefined ? {} : { kmsKeyName };
  const topic = await harness.createTopic('orders', key);
  const subscription = await harness.createSubscription('billing', topic);
  const diagnose = async (): Promise<SubscriptionDiagnosis> =>
    await harness.until(harness.broker.diagnoseSubscription(subscription));
  return { harness, topic, subscription, diagnose };
}

/** `severity REASON` of each finding. */
function told({ findings }: Pick<SubscriptionDiagnosis, 'findings'>): string[] {
  return findings.map(({ severity, reason }) => `${severity} ${reason}`);
}

describe('a subscription that stands still', () => {
  test('for want of a consumer, and since when', async () => {
    const { harness, topic, subscription, diagnose } = await open();
    await harness.publish(topic, 'one', 'two');
    const before = await diagnose();
    expect(told(before)).toEqual(['warning NO_CONSUMER']);
    expect(before.findings[0]?.message).toBe(
      '2 messages could be delivered, but no stream is open and no Pull waits; none was delivered since the broker started.',
    );
    await harness.pull(subscription, 1);
    await harness.clock.advance(5_000);
    expect((await diagnose()).findings[0]?.message).toBe(
      '1 message could be delivered, but no stream is open and no Pull waits; the last one was delivered 5 seconds ago.',
    );
    await harness.close();
  });

  test('as its key was disabled, in the words of the key service', async () => {
    const harness = await BrokerHarness.open();
    const key = await harness.createKey();
    const { topic, diagnose } = await bench(harness, key.name);
    await harness.publish(topic, 'one');
    await harness.setKeyEnabled(key.version, false);
    const found = await diagnose();
    expect(found.key).toMatchObject({ name: key.name, isUsable: false, reason: 'KEY_DISABLED' });
    expect(told(found)).toEqual(['error KEY_UNUSABLE']);
    expect(found.findings[0]?.message).toContain(`KEY_DISABLED: ${found.key?.message}`);
    expect(found.key?.message).toMatch(/not enabled|disabled/i);
    await harness.setKeyEnabled(key.version, true);
    expect(told(await diagnose())).toEqual(['warning NO_CONSUMER']);
    await harness.close();
  });

  test('as an older version of its key was disabled that stored messages need', async () => {
    const harness = await BrokerHarness.open();
    const key = await harness.createKey();
    const { topic, subscription, diagnose } = await bench(harness, key.name);
    await harness.publish(topic, 'old');
    const { cryptoKeys, versions } = operatorOf(harness.keys);
    await harness.until(versions.create(key.name));
    await harness.until(cryptoKeys.updatePrimaryVersion(key.name, 2));
    // Longer than a DEK seals.
    await harness.clock.advance(7 * 3_600_000);
    await harness.publish(topic, 'new');
    await harness.setKeyEnabled(key.version, false);
    const found = await diagnose();
    expect(found.key).toMatchObject({ isUsable: true });
    expect(told(found)).toEqual(['error KEY_UNUSABLE']);
    expect(found.findings[0]?.message).toContain(
      `${key.version} is not enabled, current state is: DISABLED.`,
    );
    await harness.setKeyEnabled(key.version, true);
    expect(told(await diagnose())).toEqual(['warning NO_CONSUMER']);
    expect(await harness.consume(subscription)).toEqual(['old', 'new']);
    expect(told(await diagnose())).toEqual(['info CAUGHT_UP']);
    await harness.close();
  });

  test.each([
    [{ outstandingMessagesMax: 1 }, 'STREAMS_HELD_BY_MESSAGES'],
    [{ outstandingBytesMax: 1 }, 'STREAMS_HELD_BY_BYTES'],
  ])('as flow control %j holds every stream', async (settings, reason) => {
    const { harness, topic, subscription, diagnose } = await open();
    const probe = await harness.openStream(subscription, settings);
    await harness.publish(topic, 'one', 'two');
    await harness.clock.settle();
    const found = await diagnose();
    expect(told(found)).toEqual([`warning ${reason}`]);
    expect(found).toMatchObject({ streamCount: 1, heldStreamCount: 1, outstandingCount: 1 });
    expect(found.findings[0]?.message).toContain('holds 1 of 1 open stream:');
    const other = await harness.openStream(subscription);
    expect(told(await diagnose())).toEqual(['info ALL_OUTSTANDING']);
    other.stream.close();
    probe.stream.close();
    await harness.close();
  });

  test('as its client does not read', async () => {
    const { harness, topic, subscription, diagnose } = await open();
    const probe = await harness.openStream(subscription);
    probe.isReady = false;
    await harness.publish(topic, 'one');
    await harness.clock.settle();
    await harness.publish(topic, 'two');
    expect(told(await diagnose())).toEqual(['warning STREAMS_HELD_BY_CLIENT']);
    await harness.close();
  });

  test('as its window is full', async () => {
    const { harness, topic, subscription, diagnose } = await open({
      limits: { outstandingWindow: 2 },
    });
    await harness.publish(topic, 'one', 'two', 'three');
    await harness.openStream(subscription);
    expect(told(await diagnose())).toEqual(['warning WINDOW_FULL']);
    await harness.close();
  });

  test('as the leases of all subscriptions are spent', async () => {
    const { harness, topic, subscription, diagnose } = await open({
      limits: { outstandingWindow: 2_000, leasesMax: 1_001 },
    });
    for (let i = 0; i < 3; i++) {
      await harness.publish(topic, ...Array.from({ length: 400 }, () => 'x'));
    }
    await harness.openStream(subscription);
    expect(told(await diagnose())).toEqual(['warning LEASES_SPENT']);
    expect((await diagnose()).outstandingCount).toBe(1_001);
    await harness.close();
  });

  test('as subscribers have everything, until the next deadline', async () => {
    const { harness, topic, subscription, diagnose } = await open();
    await harness.publish(topic, 'one');
    await harness.pull(subscription);
    await harness.clock.advance(4_000);
    const found = await diagnose();
    expect(told(found)).toEqual(['info ALL_OUTSTANDING']);
    expect(found.findings[0]?.message).toMatch(
      /the next ack deadline passes in (5.9|6) seconds\.$/,
    );
    await harness.close();
  });

  test('as its topic was deleted', async () => {
    const { harness, topic, subscription, diagnose } = await open();
    await harness.publish(topic, 'one');
    await harness.until(harness.broker.deleteTopic(topic));
    await harness.openStream(subscription);
    const found = await diagnose();
    expect(found.topic).toBe('_deleted-topic_');
    expect(told(found)).toEqual(['warning TOPIC_DELETED', 'info ALL_OUTSTANDING']);
    await harness.close();
  });
});

test('a message that is soon dropped by retention is told in time, also after a restart', async () => {
  const { harness, topic, diagnose } = await open();
  await harness.publish(topic, 'one');
  await harness.clock.advance(6 * 86_400_000);
  expect(told(await diagnose())).toEqual(['warning NO_CONSUMER']);
  await harness.restart();
  await harness.clock.advance(86_400_000 - 3_600_000);
  const found = await diagnose();
  expect(told(found)).toEqual(['warning NO_CONSUMER', 'warning RETENTION_NEAR']);
  expect(found.findings[1]?.message).toBe(
    'The oldest message is 7 days old, and is dropped in 60 minutes unless it is acknowledged.',
  );
  // What the topic retains for longer is not dropped.
  const messageRetentionMs = 31 * 86_400_000;
  const retaining = (stored: Topic): Topic => ({ ...stored, messageRetentionMs });
  const fields = ['message_retention_duration'];
  await harness.until(harness.broker.updateTopic(topic, retaining, fields));
  expect(told(await diagnose())).toEqual(['warning NO_CONSUMER']);
  await harness.close();
});

test('a subscription without a backlog says so', async () => {
  const { harness, topic, subscription, diagnose } = await open();
  expect(told(await diagnose())).toEqual(['info CAUGHT_UP']);
  await harness.publish(topic, 'one');
  const [one] = await harness.pull(subscription);
  await harness.acknowledge(subscription, [one!.ackId]);
  const found = await diagnose();
  expect(found).toMatchObject({ unackedCount: 0, oldestUnackedAgeSeconds: 0, push: null });
  expect(told(found)).toEqual(['info CAUGHT_UP']);
  await harness.close();
});

test('an ephemeral subscription is diagnosed like others, and an unknown one is not', async () => {
  const { harness, topic } = await open();
  const { name } = await harness.until(harness.broker.createEphemeralSubscription(topic, 10));
  await harness.publish(topic, 'one');
  const found = await harness.until(harness.broker.diagnoseSubscription(name));
  expect(told(found)).toEqual(['warning NO_CONSUMER']);
  const unknown = harness.until(harness.broker.diagnoseSubscription(`${name}0`));
  await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await harness.close();
});

describe('a detached subscription', () => {
  test('says what it is, and what can be done, whether its topic is there or not', async () => {
    const { harness, topic, subscription, diagnose } = await open();
    await harness.publish(topic, 'one');
    await harness.until(harness.broker.detachSubscription(subscription));
    const detached = {
      subscription,
      topic,
      unackedCount: 0,
      oldestUnackedAgeSeconds: 0,
      outstandingCount: 0,
      streamCount: 0,
      heldStreamCount: 0,
      key: null,
      push: null,
      findings: [
        {
          severity: 'warning',
          reason: 'SUBSCRIPTION_DETACHED',
          message:
            'The subscription is detached from its topic: it gets no messages, and cannot be attached again. Delete it and create it anew.',
        },
      ],
    };
    expect(await diagnose()).toEqual(detached);
    await harness.restart();
    expect(await diagnose()).toEqual(detached);
    await harness.until(harness.broker.deleteTopic(topic));
    expect(await diagnose()).toEqual({ ...detached, topic: '_deleted-topic_' });
    await harness.close();
  });
});

describe('a topic', () => {
  test('with a subscription is ready', async () => {
    const { harness, topic } = await open();
    const found = await harness.until(harness.broker.diagnoseTopic(topic));
    expect(found).toMatchObject({ topic, subscriptionCount: 1, key: { isUsable: true } });
    expect(told(found)).toEqual(['info TOPIC_READY']);
    await harness.close();
  });

  test('without one, and with a key that was taken away, says both', async () => {
    const harness = await BrokerHarness.open();
    const key = await harness.createKey();
    const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
    await harness.setKeyEnabled(key.version, false);
    const found = await harness.until(harness.broker.diagnoseTopic(topic));
    expect(told(found)).toEqual(['error KEY_UNUSABLE', 'warning TOPIC_UNREAD']);
    expect(found.key).toMatchObject({ isUsable: false, reason: 'KEY_DISABLED' });
    const unknown = harness.until(harness.broker.diagnoseTopic(`${topic}-gone`));
    await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await harness.close();
  });
});
