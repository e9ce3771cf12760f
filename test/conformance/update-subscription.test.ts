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

  test('ordering aside, every policy changes, and goes when the mask names it alone', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic);
    const before = await api.call('GetSubscription', { subscription: name });
    const changed = {
      name,
      deadLetterPolicy: { deadLetterTopic: await api.topic(), maxDeliveryAttempts: 7 },
      retryPolicy: { minimumBackoff: '1s', maximumBackoff: '2s' },
      expirationPolicy: { ttl: '172800s' },
      enableExactlyOnceDelivery: true,
    };
    const updateMask = 'deadLetterPolicy,retryPolicy,expirationPolicy,enableExactlyOnceDelivery';
    const expected = { ...before, ...changed };
    const update = { subscription: changed, updateMask };
    expect(await api.call('UpdateSubscription', update)).toEqual(expected);
    await live.restart();
    expect(await api.call('GetSubscription', { subscription: name })).toEqual(expected);
    const reset = { subscription: { name }, updateMask };
    expect(await api.call('UpdateSubscription', reset)).toEqual(before);
  });

  test.each([
    ['retryPolicy.minimumBackoff', { retryPolicy: { minimumBackoff: '3s' } }],
    ['retry_policy.minimum_backoff', { retryPolicy: { minimumBackoff: '3s' } }],
    [
      'retryPolicy.minimumBackoff,retry_policy.maximum_backoff',
      { retryPolicy: { minimumBackoff: '3s', maximumBackoff: '4s' } },
    ],
    ['deadLetterPolicy.maxDeliveryAttempts', { deadLetterPolicy: { maxDeliveryAttempts: 9 } }],
    ['expiration_policy.ttl', { expirationPolicy: { ttl: '90000s' } }],
  ])('the path %s is a part of its field: the rest stays', async (updateMask, given) => {
    const topic = await api.topic();
    const policies = {
      retryPolicy: { minimumBackoff: '5s', maximumBackoff: '6s' },
      deadLetterPolicy: { deadLetterTopic: await api.topic(), maxDeliveryAttempts: 7 },
      expirationPolicy: { ttl: '172800s' },
    };
    const name = await api.subscription(topic, policies);
    const before = await api.call('GetSubscription', { subscription: name });
    const update = { subscription: { name, ...given }, updateMask };
    const expected = { ...before };
    for (const [field, part] of Object.entries(given)) {
      expected[field] = { ...(policies[field as 'retryPolicy'] as object), ...part };
    }
    expect(await api.call('UpdateSubscription', update)).toEqual(expected);
  });

  test('parts of one field that are changed at the same time are all kept', async () => {
    const name = await api.subscription(await api.topic());
    for (let seconds = 1; seconds <= 20; seconds++) {
      const retryPolicy = { minimumBackoff: `${seconds}s`, maximumBackoff: `${100 + seconds}s` };
      const subscription = { name, retryPolicy };
      const updates = ['retryPolicy.minimumBackoff', 'retryPolicy.maximumBackoff'].map(
        (updateMask) => api.call('UpdateSubscription', { subscription, updateMask }),
      );
      await Promise.all(updates);
      const after = await api.call('GetSubscription', { subscription: name });
      expect(after).toMatchObject({ retryPolicy });
    }
  });

  test('a part that the mask names and the subscription lacks has its default', async () => {
    const deadLetterTopic = await api.topic();
    const name = await api.subscription(await api.topic(), {
      retryPolicy: { minimumBackoff: '15s', maximumBackoff: '60s' },
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 7 },
      expirationPolicy: { ttl: '172800s' },
    });
    const updateMask =
      'retryPolicy.minimumBackoff,deadLetterPolicy.maxDeliveryAttempts,expirationPolicy.ttl';
    const reset = { subscription: { name }, updateMask };
    expect(await api.call('UpdateSubscription', reset)).toMatchObject({
      retryPolicy: { minimumBackoff: '10s', maximumBackoff: '60s' },
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
      // "If ttl is not set, the associated resource never expires."
      expirationPolicy: {},
    });
  });

  test('what a part makes of the whole is checked', async () => {
    const name = await api.subscription(await api.topic(), {
      retryPolicy: { minimumBackoff: '5s', maximumBackoff: '60s' },
    });
    const subscription = { name, retryPolicy: { minimumBackoff: '61s' } };
    const update = { subscription, updateMask: 'retryPolicy.minimumBackoff' };
    expect(await api.refusal('UpdateSubscription', update)).toEqual(
      invalid(
        'The value for maximum_backoff is too small. You passed 60s in the request, but the minimum value is 61s.',
      ),
    );
    const policy = { subscription: { name, deadLetterPolicy: { maxDeliveryAttempts: 9 } } };
    const lacking = { ...policy, updateMask: 'deadLetterPolicy.maxDeliveryAttempts' };
    expect(await api.refusal('UpdateSubscription', lacking)).toEqual(invalidName(''));
  });

  test('a dead letter topic must be there when it is set, and only then', async () => {
    const deadLetterTopic = await api.topic();
    const deadLetterPolicy = { deadLetterTopic };
    const name = await api.subscription(await api.topic(), { deadLetterPolicy });
    await api.call('DeleteTopic', { topic: deadLetterTopic });
    const labels = { subscription: { name, labels: { a: 'b' } }, updateMask: 'labels' };
    expect(await api.call('UpdateSubscription', labels)).toMatchObject({ labels: { a: 'b' } });
    const again = { subscription: { name, deadLetterPolicy }, updateMask: 'deadLetterPolicy' };
    expect(await api.refusal('UpdateSubscription', again)).toEqual(
      notFound(deadLetterTopic.split('/').at(-1)!),
    );
  });

  test('the default deadline under exactly-once delivery is 60 seconds', async () => {
    const name = await api.subscription(await api.topic(), { enableExactlyOnceDelivery: true });
    const set = {
      subscription: { name, ackDeadlineSeconds: 20 },
      updateMask: 'ackDeadlineSeconds',
    };
    expect(await api.call('UpdateSubscription', set)).toMatchObject({ ackDeadlineSeconds: 20 });
    const reset = { subscription: { name }, updateMask: 'ackDeadlineSeconds' };
    expect(await api.call('UpdateSubscription', reset)).toMatchObject({ ackDeadlineSeconds: 60 });
  });

  test.each(['labels.a', 'pushConfig.nope', 'retryPolicy.minimumBackoff.seconds'])(
    'the path %s is no field',
    async (updateMask) => {
      const subscription = { name: await api.subscription(await api.topic()) };
      const { code, message } = await api.refusal('UpdateSubscription', {
        subscription,
        updateMask,
      });
      expect(code).toBe('INVALID_ARGUMENT');
      expect(message).toContain(' is not a known Subscription field. Note that field paths must ');
    },
  );

  test('an unsupported field may be reset and may not be set', async () => {
    const name = await api.subscription(await api.topic());
    const before = await api.call('GetSubscription', { subscription: name });
    const updateMask = 'bigqueryConfig';
    const reset = { subscription: { name }, updateMask };
    expect(await api.call('UpdateSubscription', reset)).toEqual(before);
    const set = { subscription: { name, bigqueryConfig: { table: 'p.d.t' } }, updateMask };
    expect((await api.refusal('UpdateSubscription', set)).code).toBe('UNIMPLEMENTED');
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
