import { Duration, SubscriptionCloseBehaviors, type PubSub } from '@google-cloud/pubsub';
import { beforeAll, describe, expect, test } from 'vitest';

import { LiveApi } from '../support/live-api.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { Inbox, NodeClient } from '../support/node-client.ts';
import { RestWire } from '../support/wire.ts';

const live = useLiveServer();
const keys = new LiveKeys(() => live.url);
const client = new NodeClient(live, 'client-life');
let pubsub: PubSub;
beforeAll(() => void (pubsub = client.pubsub));

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `message ${index}`);

async function publishAll(topicName: string, texts: readonly string[]): Promise<string[]> {
  const topic = pubsub.topic(topicName, { batching: { maxMessages: 50, maxMilliseconds: 5 } });
  return await Promise.all(texts.map((text) => topic.publishMessage({ data: Buffer.from(text) })));
}

describe('found by PUBSUB_EMULATOR_HOST', () => {
  test('the project is the one of the environment', async () => {
    const [topic] = await pubsub.createTopic('found');
    expect(topic.name).toBe('projects/client-life/topics/found');
    expect(await (await fetch(`${live.url}/v1/${topic.name}`)).json()).toMatchObject({
      name: topic.name,
    });
  });

  test('batched publishing and flow control: ten are out at most, all come', async () => {
    const [topic] = await pubsub.createTopic('flow');
    const [subscription] = await topic.createSubscription('flow-sub', {
      flowControl: { maxMessages: 10, allowExcessMessages: false },
    });
    const texts = numbered(300);
    const ids = await publishAll('flow', texts);
    let held = 0;
    let mostHeld = 0;
    const inbox = new Inbox(subscription, (message) => {
      held++;
      mostHeld = Math.max(mostHeld, held);
      queueMicrotask(() => {
        held--;
        message.ack();
      });
    });
    await inbox.until(({ messages }) => new Set(messages.map(({ id }) => id)).size === 300);
    expect(new Set(inbox.messages.map(({ id }) => id))).toEqual(new Set(ids));
    expect(mostHeld).toBeLessThanOrEqual(10);
    await subscription.close();
  });

  test('attributes come back in whatever order they were given, and whole', async () => {
    const [topic] = await pubsub.createTopic('attributes');
    const [subscription] = await topic.createSubscription('attributes-sub');
    const inbox = new Inbox(subscription);
    const attributes = { zulu: '1', alpha: '2', ['é']: '☃', empty: '' };
    await topic.publishMessage({ attributes });
    await inbox.until(({ messages }) => messages.length === 1);
    expect(inbox.messages[0]?.attributes).toEqual(attributes);
    expect(inbox.messages[0]?.data).toHaveLength(0);
    expect(inbox.messages[0]?.publishTime.getTime()).toBeGreaterThan(1_600_000_000_000);
    await subscription.close();
  });

  test('a nack brings the message again', async () => {
    const [topic] = await pubsub.createTopic('nacks');
    const [subscription] = await topic.createSubscription('nacks-sub');
    const seen = new Set<string>();
    const inbox = new Inbox(subscription, (message) => {
      if (seen.has(message.id)) message.ack();
      else message.nack();
      seen.add(message.id);
    });
    await publishAll('nacks', ['a', 'b']);
    await inbox.until(({ messages }) => messages.length === 4);
    expect(inbox.texts.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    await subscription.close();
  });

  test('what close() gives back comes again', async () => {
    const [topic] = await pubsub.createTopic('closing');
    await topic.createSubscription('closing-sub');
    const subscription = topic.subscription('closing-sub', {
      closeOptions: {
        behavior: SubscriptionCloseBehaviors.NackImmediately,
        timeout: Duration.from({ seconds: 5 }),
      },
    });
    const inbox = new Inbox(subscription, () => undefined);
    await publishAll('closing', ['left']);
    await inbox.until(({ messages }) => messages.length === 1);
    await subscription.close();
    const again = pubsub.subscription('closing-sub');
    const second = new Inbox(again);
    await second.until(({ messages }) => messages.length === 1);
    expect(second.texts).toEqual(['left']);
    await again.close();
  });
});

describe('the server under an open subscription', () => {
  test('restarts: the client goes on and gets everything', { timeout: 60_000 }, async () => {
    const [topic] = await pubsub.createTopic('restarts');
    const [subscription] = await topic.createSubscription('restarts-sub');
    const inbox = new Inbox(subscription);
    const texts = numbered(120);
    const has = (count: number) => (): boolean => new Set(inbox.texts).size >= count;
    // By REST: the client's publisher would wait out its own back-off after each restart.
    const api = new LiveApi(new RestWire(() => live.url), 'projects/client-life');
    for (const at of [0, 40, 80]) {
      await api.publish(topic.name, ...texts.slice(at, at + 40));
      await inbox.until(has(at + 40));
      if (at < 80) await live.restart();
    }
    expect(new Set(inbox.texts)).toEqual(new Set(texts));
    expect(inbox.errors).toEqual([]);
    await subscription.close();
  });

  test('its key is disabled: FAILED_PRECONDITION (9) within a second; enabled, a reopened subscription gets all', async () => {
    const key = await keys.createGranted('projects/client-life');
    const [topic] = await pubsub.createTopic({
      name: 'projects/client-life/topics/keyed',
      kmsKeyName: key.name,
    });
    const [subscription] = await topic.createSubscription('keyed-sub');
    const inbox = new Inbox(subscription);
    await publishAll('keyed', ['before']);
    await inbox.until(({ messages }) => messages.length === 1);
    const takenMs = performance.now();
    await keys.setState(key, 'DISABLED');
    await inbox.until(({ errors }) => errors.length > 0);
    expect(inbox.errors[0]).toMatchObject({
      code: 9,
      message: expect.stringContaining('is not enabled, current state is: DISABLED'),
    });
    expect(inbox.errors[0]!.atMs - takenMs).toBeLessThan(1000);
    await expect(topic.publishMessage({ data: Buffer.from('refused') })).rejects.toMatchObject({
      code: 9,
    });
    await subscription.close();
    await keys.setState(key, 'ENABLED');
    const texts = numbered(20);
    await publishAll('keyed', texts);
    const reopened = pubsub.subscription('keyed-sub');
    const second = new Inbox(reopened);
    await second.until(({ messages }) => messages.length >= 20);
    expect(second.texts.filter((text) => text !== 'before').toSorted()).toEqual(texts.toSorted());
    await reopened.close();
  });

  test('is deleted: the client is told NOT_FOUND (5)', async () => {
    const [topic] = await pubsub.createTopic('deleted');
    const [subscription] = await topic.createSubscription('deleted-sub');
    const inbox = new Inbox(subscription);
    await publishAll('deleted', ['x']);
    await inbox.until(({ messages }) => messages.length === 1);
    await pubsub.subscription('deleted-sub').delete();
    await inbox.until(({ errors }) => errors.length > 0);
    expect(inbox.errors[0]).toMatchObject({ code: 5 });
    await subscription.close();
  });
});
