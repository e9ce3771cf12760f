import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const prefix = 'Invalid update_mask provided in the UpdateSubscriptionRequest:';

describe.each(wireNames)('UpdateSubscription over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"by updating the fields specified in the update mask", and nothing else', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic, { labels: { a: '1' } });
    const before = await api.call('GetSubscription', { subscription: name });
    const subscription = { name, ackDeadlineSeconds: 20, labels: { b: '2' } };
    const updateMask = 'ackDeadlineSeconds';
    const expected = { ...before, ackDeadlineSeconds: 20 };
    expect(await api.call('UpdateSubscription', { subscription, updateMask })).toEqual(expected);
    expect(await api.call('GetSubscription', { subscription: name })).toEqual(expected);
  });

  test('every field that this server keeps, and the change survives a restart', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic);
    const subscription = {
      name,
      ackDeadlineSeconds: 99,
      retainAckedMessages: true,
      messageRetentionDuration: '900s',
      labels: { b: '2' },
      expirationPolicy: {},
    };
    const updateMask =
      'ackDeadlineSeconds,retainAckedMessages,messageRetentionDuration,labels,expirationPolicy';
    const expected = { ...subscription, topic, pushConfig: {}, state: 'ACTIVE' };
    expect(await api.call('UpdateSubscription', { subscription, updateMask })).toEqual(expected);
    await live.restart();
    expect(await api.call('GetSubscription', { subscription: name })).toEqual(expected);
  });

  test('a field that the mask names and the subscription lacks is reset to its default', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic, {
      labels: { a: '1' },
      ackDeadlineSeconds: 99,
      messageRetentionDuration: '900s',
      retainAckedMessages: true,
      expirationPolicy: {},
    });
    const updateMask =
      'labels,ackDeadlineSeconds,messageRetentionDuration,retainAckedMessages,expirationPolicy';
    const answer = await api.call('UpdateSubscription', { subscription: { name }, updateMask });
    expect(answer).toEqual({
      name,
      topic,
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    });
  });

  test.each([[{}], [{ updateMask: '' }]])('the mask must be non-empty: %j', async (mask) => {
    const subscription = { name: await api.subscription(await api.topic()) };
    expect(await api.refusal('UpdateSubscription', { subscription, ...mask })).toEqual(
      invalid(
        'The update_mask in the UpdateSubscriptionRequest must be set, and must contain a non-empty paths list.',
      ),
    );
  });

  test.each([
    ['name', 'name'],
    ['topic', 'topic'],
    ['filter', 'filter'],
    ['enableMessageOrdering', 'enable_message_ordering'],
    ['detached', 'detached'],
    ['state', 'state'],
    ['tags', 'tags'],
    ['topicMessageRetentionDuration', 'topic_message_retention_duration'],
  ])('%s is not mutable', async (path, field) => {
    const subscription = { name: await api.subscription(await api.topic()) };
    expect(await api.refusal('UpdateSubscription', { subscription, updateMask: path })).toEqual(
      invalid(`${prefix} the '${field}' field in the Subscription is not mutable.`),
    );
  });

  test('a path that is no field is refused', async () => {
    const subscription = { name: await api.subscription(await api.topic()) };
    expect(await api.refusal('UpdateSubscription', { subscription, updateMask: 'nope' })).toEqual(
      invalid(
        `${prefix} nope is not a known Subscription field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.`,
      ),
    );
  });

  test('an ack deadline out of range changes nothing', async () => {
    const name = await api.subscription(await api.topic());
    const subscription = { name, ackDeadlineSeconds: 601, labels: { a: 'b' } };
    const updateMask = 'labels,ackDeadlineSeconds';
    expect((await api.refusal('UpdateSubscription', { subscription, updateMask })).message).toBe(
      'Invalid ack deadline given (ack_deadline=601). The ack deadline must be between 10 and 600 seconds.',
    );
    const after = await api.call('GetSubscription', { subscription: name });
    expect(after).toMatchObject({ ackDeadlineSeconds: 10 });
    expect(after).not.toHaveProperty('labels');
  });

  test('a missing subscription is NOT_FOUND, a bad name is refused', async () => {
    const id = freshId('missing');
    const updateMask = 'labels';
    const missing = { subscription: { name: api.subscriptionName(id) }, updateMask };
    expect(await api.refusal('UpdateSubscription', missing)).toEqual(notFound(id));
    const bad = api.subscriptionName('ab');
    expect(
      await api.refusal('UpdateSubscription', { subscription: { name: bad }, updateMask }),
    ).toEqual(invalidName(bad));
  });

  test('the deadline of the next delivery is the new one', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic);
    const subscription = { name, ackDeadlineSeconds: 60 };
    await api.call('UpdateSubscription', { subscription, updateMask: 'ackDeadlineSeconds' });
    await api.publish(topic, 'x');
    await api.pull(name, 1);
    await live.pass(30_000);
    expect(await api.pullOnce(name)).toEqual([]);
    await live.pass(35_000);
    expect(await api.pull(name, 1)).toHaveLength(1);
  });
});
