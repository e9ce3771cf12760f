import { describe, expect, test } from 'vitest';

import { base64, freshId, liveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { wireNames } from '../support/wire.ts';
import {
  alreadyExists,
  badArgument,
  badIds,
  goodIds,
  invalid,
  invalidName,
  notFound,
} from './expected-refusals.ts';

const live = useLiveServer();

describe.each(wireNames)('CreateSubscription over %s', (wire) => {
  const api = liveApi(live, wire);
  const fresh = (): string => api.subscriptionName(freshId('subscription'));

  test('the defaults are filled in: 10 s, 7 d, 31 d, ACTIVE', async () => {
    const name = fresh();
    const topic = await api.topic();
    expect(await api.call('CreateSubscription', { name, topic })).toEqual({
      name,
      topic,
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    });
  });

  test('what is given is kept, and a topic with retention shows it on its subscriptions', async () => {
    const topic = await api.topic({ messageRetentionDuration: '1200s' });
    const request = {
      name: fresh(),
      topic,
      ackDeadlineSeconds: 600,
      retainAckedMessages: true,
      messageRetentionDuration: '600s',
      labels: { a: 'b' },
      expirationPolicy: {},
      pushConfig: {},
    };
    const expected = { ...request, state: 'ACTIVE', topicMessageRetentionDuration: '1200s' };
    expect(await api.call('CreateSubscription', request)).toEqual(expected);
    const { name: subscription } = request;
    expect(await api.call('GetSubscription', { subscription })).toEqual(expected);
  });

  test('"If the subscription already exists, returns ALREADY_EXISTS"', async () => {
    const topic = await api.topic();
    const name = await api.subscription(topic);
    expect(await api.refusal('CreateSubscription', { name, topic })).toEqual(
      alreadyExists(name.split('/').at(-1)!),
    );
  });

  test('"If the corresponding topic doesn\'t exist, returns NOT_FOUND"', async () => {
    const id = freshId('missing');
    const request = { name: fresh(), topic: api.topicName(id) };
    expect(await api.refusal('CreateSubscription', request)).toEqual(notFound(id));
  });

  test.each(['', 'nonsense', '_deleted-topic_'])('%j is no topic', async (topic) => {
    expect(await api.refusal('CreateSubscription', { name: fresh(), topic })).toEqual(
      invalidName(topic),
    );
  });

  test.each(goodIds)('the id %s is one, and is found under exactly that name', async (id) => {
    const topic = await api.topic();
    const name = api.subscriptionName(id);
    expect(await api.call('CreateSubscription', { name, topic })).toMatchObject({ name });
    const request = { subscription: name };
    expect(await api.call('GetSubscription', request)).toMatchObject({ name });
    await api.publish(topic, 'here');
    const pulled = await api.pull(name, 1);
    await api.acknowledge(name, pulled);
    await api.call('DeleteSubscription', request);
  });

  test.each(badIds)('the id %s is none', async (id) => {
    const name = api.subscriptionName(id);
    const topic = await api.topic();
    expect(await api.refusal('CreateSubscription', { name, topic })).toEqual(invalidName(name));
  });

  test.each([9, 601, -1])(
    '"minimum custom deadline 10 seconds, maximum 600 seconds": %i',
    async (seconds) => {
      const request = { name: fresh(), topic: await api.topic(), ackDeadlineSeconds: seconds };
      expect(await api.refusal('CreateSubscription', request)).toEqual(
        invalid(
          `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between 10 and 600 seconds.`,
        ),
      );
    },
  );

  test.each([
    ['599s', '9m59s'],
    ['2678401s', '744h1s'],
    ['599.999s', '9m59.999s'],
  ])('a retention of %s is out of bounds', async (messageRetentionDuration, shown) => {
    const request = { name: fresh(), topic: await api.topic(), messageRetentionDuration };
    expect(await api.refusal('CreateSubscription', request)).toEqual(
      invalid(
        `The value for message retention duration is out of bounds. You passed ${shown} in the request, but the value must be between 10m and 744h.`,
      ),
    );
  });

  test('"The minimum allowed value for expiration_policy.ttl is 1 day"', async () => {
    const expirationPolicy = { ttl: '3600s' };
    const request = { name: fresh(), topic: await api.topic(), expirationPolicy };
    expect(await api.refusal('CreateSubscription', request)).toEqual(
      invalid(
        'The value for expiration duration is too small. You passed 1h in the request, but the minimum value is 24h.',
      ),
    );
  });

  test('a label that is none is refused', async () => {
    const request = { name: fresh(), topic: await api.topic(), labels: { Upper: '' } };
    expect(await api.refusal('CreateSubscription', request)).toEqual(
      badArgument(
        String.raw`Invalid labels: Invalid field "labels"; key "Upper" does not conform to regular expression "[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}"`,
      ),
    );
  });

  test.each([
    ['bigquery_config', { bigqueryConfig: { table: 'p.d.t' } }],
    ['cloud_storage_config', { cloudStorageConfig: { bucket: 'bucket' } }],
    ['filter', { filter: 'attributes:a' }],
    ['dead_letter_policy', { deadLetterPolicy: { maxDeliveryAttempts: 5 } }],
    ['retry_policy', { retryPolicy: { minimumBackoff: '1s' } }],
    ['enable_message_ordering', { enableMessageOrdering: true }],
    ['enable_exactly_once_delivery', { enableExactlyOnceDelivery: true }],
    ['message_transforms', { messageTransforms: [{ disabled: true }] }],
    ['expiration_policy.ttl', { expirationPolicy: { ttl: '86400s' } }],
  ])('%s is refused rather than forgotten', async (field, more) => {
    const request = { name: fresh(), topic: await api.topic(), ...more };
    expect(await api.refusal('CreateSubscription', request)).toEqual({
      code: 'UNIMPLEMENTED',
      message: `The field "${field}" of google.pubsub.v1.Subscription is not supported by this server.`,
    });
  });

  test('it gets what is published once the create has returned, and nothing from before', async () => {
    const topic = await api.topic();
    await api.publish(topic, 'before');
    const name = await api.subscription(topic);
    await api.publish(topic, 'after');
    expect((await api.pull(name, 1)).map(textOf)).toEqual(['after']);
    expect(await api.pullOnce(name)).toEqual([]);
  });

  test('a topic may be of another project', async () => {
    const name = 'projects/elsewhere/topics/of-another-project';
    await api.call('CreateTopic', { name });
    const subscription = await api.subscription(name);
    await api.call('Publish', { topic: name, messages: [{ data: base64('across') }] });
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['across']);
    await api.call('DeleteTopic', { topic: name });
  });
});

test('"If the name is not provided in the request, the server will assign a random name" (gRPC only)', async () => {
  const api = liveApi(live, 'gRPC', 'nameless');
  const topic = await api.topic();
  const names = [];
  for (const _ of [1, 2]) {
    const { name } = await api.call<{ name: string }>('CreateSubscription', { topic });
    names.push(name);
    expect(name).toMatch(/^projects\/nameless-grpc\/subscriptions\/[a-z][a-z0-9-]+$/);
  }
  expect(new Set(names).size).toBe(2);
});
