import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('DeleteTopic over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Deletes the topic with the given name"; the answer is empty', async () => {
    const topic = await api.topic();
    const id = topic.split('/').at(-1)!;
    expect(await api.call('DeleteTopic', { topic })).toEqual({});
    expect(await api.refusal('GetTopic', { topic })).toEqual(notFound(id));
    expect(await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] })).toEqual(
      notFound(id),
    );
  });

  test('"Returns NOT_FOUND if the topic does not exist"', async () => {
    const id = freshId('missing');
    expect(await api.refusal('DeleteTopic', { topic: api.topicName(id) })).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const topic = api.topicName(id);
    expect(await api.refusal('DeleteTopic', { topic })).toEqual(invalidName(topic));
  });

  test('"Existing subscriptions to this topic are not deleted, but their topic field is set to _deleted-topic_", and keep their messages', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'one', 'two');
    await api.call('DeleteTopic', { topic });
    expect(await api.call('GetSubscription', { subscription })).toMatchObject({
      topic: '_deleted-topic_',
    });
    const pulled = await api.pull(subscription, 2);
    expect(pulled.map(textOf).toSorted()).toEqual(['one', 'two']);
    await api.acknowledge(subscription, pulled);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('what the subscription of a deleted topic keeps survives a restart', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'kept');
    await api.call('DeleteTopic', { topic });
    await live.restart();
    expect(await api.call('GetSubscription', { subscription })).toMatchObject({
      topic: '_deleted-topic_',
    });
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['kept']);
    expect(await api.call('DeleteSubscription', { subscription })).toEqual({});
  });

  test('"After a topic is deleted, a new topic may be created with the same name; this is an entirely new topic with none of the old configuration or subscriptions"', async () => {
    const topic = await api.topic({ labels: { old: 'yes' } });
    const old = await api.subscription(topic);
    await api.publish(topic, 'old');
    await api.call('DeleteTopic', { topic });
    expect(await api.call('CreateTopic', { name: topic })).toEqual({
      name: topic,
      state: 'ACTIVE',
    });
    expect(await api.call('ListTopicSubscriptions', { topic })).toEqual({});
    const young = await api.subscription(topic);
    await api.publish(topic, 'young');
    expect((await api.pull(young, 1)).map(textOf)).toEqual(['young']);
    expect((await api.pullOnce(old)).map(textOf)).toEqual(['old']);
    expect(await api.call('GetSubscription', { subscription: old })).toMatchObject({
      topic: '_deleted-topic_',
    });
  });
});
