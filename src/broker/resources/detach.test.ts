import { describe, expect, test } from 'vitest';

import {
  BrokerHarness,
  project,
  type HarnessOptions,
  type Received,
} from '../../../test/support/broker-harness.ts';
import { EventRecorder } from '../../../test/support/event-recorder.ts';
import type { Subscription } from '../index.ts';

const page = { pageSize: 0, pageToken: '' };
const refusal = {
  code: 'FAILED_PRECONDITION',
  reason: 'SUBSCRIPTION_DETACHED',
  message:
    'The subscription is detached from its topic and receives no messages (resource=billing). It cannot be attached again: delete it and create it anew.',
};

async function open(
  options: HarnessOptions = {},
  more: Partial<Subscription> = {},
): Promise<{ harness: BrokerHarness; topic: string; subscription: string; received: Received[] }> {
  const harness = await BrokerHarness.open(options);
  const topic = await harness.createTopic('orders');
  const subscription = await harness.createSubscription('billing', topic, more);
  await harness.publish(topic, 'a', 'b', 'c');
  const received = more.pushConfig === undefined ? await harness.pull(subscription, 1) : [];
  return { harness, topic, subscription, received };
}

async function detach(harness: BrokerHarness, subscription: string): Promise<void> {
  await harness.until(harness.broker.detachSubscription(subscription));
}

describe('a detached subscription', () => {
  test('is shown as detached, with its topic, and is no subscription of the topic any more', async () => {
    const { harness, topic, subscription } = await open();
    const before = await harness.broker.getSubscription(subscription);
    await detach(harness, subscription);
    await detach(harness, subscription);
    for (const _ of ['as it is', 'after a crash']) {
      const shown = await harness.broker.getSubscription(subscription);
      expect(shown).toEqual({ ...before, detached: true });
      expect((await harness.broker.listTopicSubscriptions(topic, page)).items).toEqual([]);
      expect((await harness.broker.listSubscriptions(project, page)).items).toEqual([shown]);
      await harness.restart();
    }
    await harness.until(harness.broker.deleteTopic(topic));
    await harness.restart();
    await harness.createTopic('orders');
    expect(await harness.broker.getSubscription(subscription)).toMatchObject({
      topic: '_deleted-topic_',
    });
    await harness.close();
  });

  test('has dropped its backlog, from the disk too', async () => {
    const { harness, topic, subscription } = await open();
    await harness.publish(topic, 'd');
    await detach(harness, subscription);
    await harness.until(harness.broker.sweep());
    const [tail] = await harness.store.tails([1]);
    expect([tail!.trim, tail!.next]).toEqual([3, 4]);
    // The one segment that carries the tail; no log of acknowledgements.
    expect(harness.disk.stats().segmentCount).toBe(1);
    expect(await harness.broker.backlogs()).toEqual([]);
    await harness.close();
  });

  test('of a deleted topic lets go of all that was stored of it', async () => {
    const { harness, topic, subscription } = await open();
    await harness.until(harness.broker.deleteTopic(topic));
    expect(await harness.keyRows.list('dek/')).not.toEqual([]);
    await detach(harness, subscription);
    expect(harness.disk.stats().segmentCount).toBe(0);
    expect(await harness.keyRows.list('dek/')).toEqual([]);
    await harness.until(harness.broker.deleteSubscription(subscription));
    await harness.restart();
    expect((await harness.broker.listSubscriptions(project, page)).items).toEqual([]);
    await harness.close();
  });

  test.each([
    ['Pull', (h: BrokerHarness, name: string) => h.pull(name)],
    ['StreamingPull', (h: BrokerHarness, name: string) => h.openStream(name)],
    ['Seek', (h: BrokerHarness, name: string) => h.until(h.broker.seek(name, { timeMs: 0 }))],
    ['CreateSnapshot', (h: BrokerHarness, name: string) => h.createSnapshot('snap', name)],
  ])('refuses %s, by its name', async (_, call) => {
    const { harness, subscription } = await open();
    await detach(harness, subscription);
    await expect(call(harness, subscription)).rejects.toMatchObject(refusal);
    await harness.restart();
    await expect(call(harness, subscription)).rejects.toMatchObject(refusal);
    await harness.close();
  });

  test('ends its streams with FAILED_PRECONDITION', async () => {
    const { harness, subscription } = await open();
    const stream = await harness.openStream(subscription);
    await detach(harness, subscription);
    expect(stream.failure).toMatchObject(refusal);
    await harness.close();
  });

  test('is pushed no more', async () => {
    let pushCount = 0;
    const pushConfig = { endpoint: 'http://localhost:1/', attributes: {} };
    const pushSender = {
      send: async () => {
        pushCount++;
        return { responseClass: 'remote_server_5xx', code: '500', text: '' } as const;
      },
    };
    const { harness, topic, subscription } = await open({ pushSender }, { pushConfig });
    await harness.clock.advance(1_000);
    expect(pushCount).toBeGreaterThan(0);
    await detach(harness, subscription);
    await harness.clock.advance(20_000);
    pushCount = 0;
    await harness.publish(topic, 'd');
    await harness.clock.advance(120_000);
    expect(pushCount).toBe(0);
    await harness.close();
  });

  test('takes acknowledgements of what it delivered, and does nothing', async () => {
    const recorder = new EventRecorder();
    const { harness, subscription, received } = await open({ observer: recorder.observer });
    const ackIds = received.map(({ ackId }) => ackId);
    await detach(harness, subscription);
    recorder.take();
    await harness.acknowledge(subscription, ackIds);
    await harness.until(harness.broker.modifyAckDeadline(subscription, ackIds, 20));
    expect(await harness.until(harness.broker.acknowledgeEach(subscription, ackIds))).toEqual([
      'done',
    ]);
    const modifying = harness.broker.modifyAckDeadlineEach(subscription, ackIds, 0);
    expect(await harness.until(modifying)).toEqual(['done']);
    harness.broker.streamAcknowledge(subscription, ackIds);
    harness.broker.streamModifyAckDeadline(subscription, ackIds, [0]);
    expect(recorder.take('ackRequest', 'modAckRequest', 'acked', 'nacked')).toEqual([
      ['ackRequest', subscription, 'pull', 'OK'],
      ['modAckRequest', subscription, 'pull', 'OK'],
      ['ackRequest', subscription, 'streaming pull', 'OK'],
      ['modAckRequest', subscription, 'streaming pull', 'OK'],
      ['ackRequest', subscription, 'streaming pull', 'OK'],
      ['modAckRequest', subscription, 'streaming pull', 'OK'],
    ]);
    await harness.close();
  });

  test('may be changed and deleted, and keeps its name for itself until then', async () => {
    const { harness, topic, subscription } = await open();
    await detach(harness, subscription);
    const shown = await harness.broker.getSubscription(subscription);
    const labels = { team: 'a' };
    const change = (stored: Subscription): Subscription => ({ ...stored, labels });
    const changing = harness.broker.updateSubscription(subscription, change, ['labels']);
    expect(await harness.until(changing)).toEqual({ ...shown, labels });
    const pushConfig = { endpoint: 'http://localhost:1/', attributes: {} };
    await harness.until(harness.broker.modifyPushConfig(subscription, pushConfig));
    await harness.restart();
    expect(await harness.broker.getSubscription(subscription)).toEqual({
      ...shown,
      labels,
      pushConfig,
    });
    await expect(harness.createSubscription('billing', topic)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await harness.until(harness.broker.deleteSubscription(subscription));
    await harness.createSubscription('billing', topic);
    await harness.publish(topic, 'd');
    await harness.restart();
    expect(await harness.consume(subscription)).toEqual(['d']);
    await harness.close();
  });
});

test('a detach is told as a change, and a refused one too', async () => {
  const recorder = new EventRecorder();
  const { harness, subscription } = await open({ observer: recorder.observer });
  recorder.take();
  await detach(harness, subscription);
  await expect(detach(harness, `${subscription}-gone`)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(recorder.take('subscriptionConfig')).toEqual([
    ['subscriptionConfig', subscription, 'update', 'OK'],
    ['subscriptionConfig', `${subscription}-gone`, 'update', 'NOT_FOUND'],
  ]);
  await harness.close();
});

test('a crash at any point of a detach leaves the subscription whole, or detached', async () => {
  let detachedCount = 0;
  const turnsMax = 20;
  for (let turns = 0; turns < turnsMax; turns++) {
    const { harness, subscription } = await open();
    void harness.broker.detachSubscription(subscription).catch(() => undefined);
    await harness.clock.settle(turns);
    await harness.restart();
    const { detached } = await harness.broker.getSubscription(subscription);
    if (detached === true) detachedCount++;
    else expect(await harness.consume(subscription)).toEqual(['a', 'b', 'c']);
    await harness.until(harness.broker.deleteSubscription(subscription));
    expect(harness.disk.stats().segmentCount).toBe(1);
    await harness.close();
  }
  expect(detachedCount).toBeGreaterThan(0);
  expect(detachedCount).toBeLessThan(turnsMax);
});

test.each(['full', 'unknown-lost'] as const)(
  'a detach that the disk refuses (%s) did nothing',
  async (fault) => {
    const { harness, subscription } = await open();
    harness.faults.next(fault);
    await expect(detach(harness, subscription)).rejects.toMatchObject({
      code: fault === 'full' ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE',
    });
    expect(await harness.consume(subscription)).toEqual(['b', 'c']);
    await harness.close();
  },
);
