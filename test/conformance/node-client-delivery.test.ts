import { v1, type Message, type PubSub } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { liveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { Inbox, NodeClient, topicWithSubscription } from '../support/node-client.ts';

const live = useLiveServer();
const client = new NodeClient(live, 'delivery');
const api = liveApi(live, 'gRPC');
let pubsub: PubSub;
let subscriber: v1.SubscriberClient;
beforeAll(() => {
  pubsub = client.pubsub;
  const [servicePath = '', port] = live.address.split(':');
  const sslCreds = credentials.createInsecure();
  subscriber = new v1.SubscriberClient({ servicePath, port: Number(port), sslCreds });
});
afterAll(() => subscriber.close());

const text = ({ data }: Message): string => data.toString();
const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at));
type Topic = ReturnType<PubSub['topic']>;
const publish = (topic: Topic, ...texts: readonly string[]): Promise<string[]> =>
  Promise.all(texts.map((each) => topic.publishMessage({ data: Buffer.from(each) })));
const inKey = async (
  topic: Topic,
  orderingKey: string,
  texts: readonly string[],
): Promise<void> => {
  topic.setPublishOptions({ messageOrdering: true });
  const sent = texts.map((each) => topic.publishMessage({ data: Buffer.from(each), orderingKey }));
  await Promise.all(sent);
};

describe('ordering keys', () => {
  test('a message that is given back comes again, and everything after it, in order', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'again', {
      enableMessageOrdering: true,
    });
    const texts = numbered(20);
    await inKey(topic, 'key', texts);
    const seen: string[] = [];
    let isGivenBack = false;
    const inbox = new Inbox(subscription, (message) => {
      seen.push(text(message));
      if (isGivenBack || text(message) !== '4') return message.ack();
      isGivenBack = true;
      message.nack();
    });
    const after = (): string[] => seen.slice(seen.lastIndexOf('4'));
    await inbox.until(() => seen.indexOf('4') < seen.lastIndexOf('4') && after().includes('19'));
    expect(seen.slice(0, 5)).toEqual(texts.slice(0, 5));
    expect(after()).toEqual(texts.slice(4));
    seen.reduce((before, each) => {
      expect(Number(each), seen.join()).toBeLessThanOrEqual(Number(before) + 1);
      return each;
    });
    await subscription.close();
  });
});

describe('exactly once', () => {
  const more = { enableExactlyOnceDelivery: true };

  test('each ack is confirmed, and nothing comes twice', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'once', more);
    const answers: Promise<string>[] = [];
    const inbox = new Inbox(
      subscription,
      (message) => void answers.push(message.ackWithResponse()),
    );
    await publish(topic, ...numbered(50));
    await inbox.count(50);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['SUCCESS']));
    expect(inbox.texts.toSorted()).toEqual(numbered(50).toSorted());
    await subscription.close();
    expect(await api.pullOnce(subscription.name)).toEqual([]);
  });

  test('an ack after the lease has run out is refused, that of the next delivery confirmed', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'late', more);
    const inbox = new Inbox(subscription, () => undefined);
    await publish(topic, 'x');
    await inbox.count(1);
    live.clock.jump(700_000);
    await inbox.count(2);
    const [first, second] = inbox.messages;
    await expect(first!.ackWithResponse()).rejects.toMatchObject({ errorCode: 'INVALID' });
    expect(await second!.ackWithResponse()).toBe('SUCCESS');
    await subscription.close();
  });

  test('the same ack again is confirmed; a false id among good ones is refused alone', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'again-acked', more);
    await publish(topic, 'a', 'b');
    const pulled = await api.pull(subscription.name, 2);
    const [a = '', b = ''] = pulled.map(({ ackId }) => ackId);
    const ack = (...ackIds: string[]): Promise<unknown> =>
      subscriber.acknowledge({ subscription: subscription.name, ackIds });
    await ack(a);
    await ack(a);
    await api.call('ModifyAckDeadline', {
      subscription: subscription.name,
      ackIds: [b],
      ackDeadlineSeconds: 0,
    });
    const [again] = await api.pull(subscription.name, 1);
    await expect(ack(b, again!.ackId)).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining('Some acknowledgement ids in the request were invalid.'),
      reason: 'EXACTLY_ONCE_ACKID_FAILURE',
      domain: 'pubsub.googleapis.com',
      errorInfoMetadata: { [b]: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
    });
    expect(await api.pullOnce(subscription.name)).toEqual([]);
  });
});

describe('what fails', () => {
  test('goes to the dead-letter topic after five attempts, and says where it comes from', async () => {
    const { topic: grave, subscription: mourner } = await topicWithSubscription(pubsub, 'grave');
    const { topic, subscription } = await topicWithSubscription(pubsub, 'doomed', {
      deadLetterPolicy: { deadLetterTopic: grave.name, maxDeliveryAttempts: 5 },
    });
    const inbox = new Inbox(subscription, (message) => message.nack());
    const buried = new Inbox(mourner);
    await topic.publishMessage({ data: Buffer.from('poison'), attributes: { kind: 'bad' } });
    await buried.count(1);
    expect(inbox.messages.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
    expect(buried.texts).toEqual(['poison']);
    expect(buried.messages[0]?.attributes).toEqual({
      kind: 'bad',
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
      CloudPubSubDeadLetterSourceSubscription: 'doomed-sub',
      CloudPubSubDeadLetterSourceSubscriptionProject: 'delivery',
      CloudPubSubDeadLetterSourceTopicPublishTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    await Promise.all([subscription.close(), mourner.close()]);
  });

  test('waits for its retry policy', async () => {
    const { topic, subscription } = await topicWithSubscription(pubsub, 'patient', {
      retryPolicy: { minimumBackoff: { seconds: 300 }, maximumBackoff: { seconds: 600 } },
    });
    const inbox = new Inbox(subscription, (message) => message.nack());
    await publish(topic, 'x');
    await inbox.count(1);
    await subscription.close();
    expect(await api.pullOnce(subscription.name)).toEqual([]);
    live.clock.jump(301_000);
    let again = await api.pullOnce(subscription.name);
    // A nack that came after the jump waits from then on. Pings of sessions are answered meanwhile.
    for (let turn = 1; again.length === 0; turn++) {
      if (turn % 50 === 0) live.clock.jump(301_000);
      again = await api.pullOnce(subscription.name);
    }
    expect(again.map(textOf)).toEqual(['x']);
  });
});

describe('filters', () => {
  test('only matching messages come, those without the attribute match !=', async () => {
    const filter = 'attributes.kind != "noise" AND NOT hasPrefix(attributes.from, "test-")';
    const { topic, subscription } = await topicWithSubscription(pubsub, 'filtered', { filter });
    const sent: Record<string, Record<string, string>> = {
      news: { kind: 'news' },
      noise: { kind: 'noise' },
      bare: {},
      tested: { kind: 'news', from: 'test-7' },
    };
    for (const [each, attributes] of Object.entries(sent)) {
      await topic.publishMessage({ data: Buffer.from(each), attributes });
    }
    const inbox = new Inbox(subscription);
    await inbox.count(2);
    expect(inbox.texts.toSorted()).toEqual(['bare', 'news']);
    await subscription.close();
    expect(await api.pullOnce(subscription.name)).toEqual([]);
  });

  test('a filter that is none is refused in words', async () => {
    const topic = pubsub.topic('filtered');
    await expect(topic.createSubscription('bad', { filter: 'bogus(' })).rejects.toMatchObject({
      code: 3,
    });
  });
});
