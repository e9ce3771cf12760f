import { create, toBinary } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';

import { SubscriptionSchema } from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { base64, freshId, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { refusalOf, wireNames } from '../support/wire.ts';
import {
  alreadyExists,
  badArgument,
  badIds,
  exactlyOncePushed,
  goodIds,
  invalid,
  invalidName,
  notFound,
} from './expected-refusals.ts';

const live = useTestedServer();
const grpc = liveGrpc(live);
const bounds = 'the value must be between 0s and 600s';

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
    ['bigtable_config', { bigtableConfig: { table: 'p/i/t' } }],
  ])('%s is refused rather than forgotten', async (field, more) => {
    const request = { name: fresh(), topic: await api.topic(), ...more };
    expect(await api.refusal('CreateSubscription', request)).toEqual({
      code: 'UNIMPLEMENTED',
      message: `The field "${field}" of google.pubsub.v1.Subscription is not supported by this server.`,
    });
  });

  test('ordering, exactly-once, filter and every policy come back as they were given', async () => {
    const topic = await api.topic();
    const request = {
      name: fresh(),
      topic,
      ackDeadlineSeconds: 20,
      enableMessageOrdering: true,
      enableExactlyOnceDelivery: true,
      filter: 'attributes:a AND NOT hasPrefix(attributes.b, "c")',
      deadLetterPolicy: { deadLetterTopic: await api.topic(), maxDeliveryAttempts: 100 },
      retryPolicy: { minimumBackoff: '0s', maximumBackoff: '1.500s' },
      expirationPolicy: { ttl: '86400s' },
    };
    const expected = {
      ...request,
      pushConfig: {},
      messageRetentionDuration: '604800s',
      state: 'ACTIVE',
    };
    expect(await api.call('CreateSubscription', request)).toEqual(expected);
    await live.restart();
    const { name: subscription } = request;
    expect(await api.call('GetSubscription', { subscription })).toEqual(expected);
  });

  test.each([
    [{}, { minimumBackoff: '10s', maximumBackoff: '600s' }],
    [{ minimumBackoff: '20s' }, { minimumBackoff: '20s', maximumBackoff: '600s' }],
    [{ maximumBackoff: '600s' }, { minimumBackoff: '10s', maximumBackoff: '600s' }],
  ])('"Defaults to 10 seconds", "Defaults to 600 seconds": %j', async (retryPolicy, expected) => {
    const request = { name: fresh(), topic: await api.topic(), retryPolicy };
    expect(await api.call('CreateSubscription', request)).toMatchObject({ retryPolicy: expected });
  });

  test.each([
    [{ minimumBackoff: '601s' }, 'minimum_backoff is out of bounds. You passed 601s', bounds],
    [{ minimumBackoff: '-1s' }, 'minimum_backoff is out of bounds. You passed -1s', bounds],
    [
      { maximumBackoff: '600.001s' },
      'maximum_backoff is out of bounds. You passed 600.001s',
      bounds,
    ],
    [
      { minimumBackoff: '60s', maximumBackoff: '10s' },
      'maximum_backoff is too small. You passed 10s',
      'the minimum value is 60s',
    ],
    [
      { maximumBackoff: '9s' },
      'maximum_backoff is too small. You passed 9s',
      'the minimum value is 10s',
    ],
  ])('"Value should be between 0 and 600 seconds": %j', async (retryPolicy, fault, bound) => {
    const request = { name: fresh(), topic: await api.topic(), retryPolicy };
    expect(await api.refusal('CreateSubscription', request)).toEqual(
      invalid(`The value for ${fault} in the request, but ${bound}.`),
    );
  });

  test('"If this parameter is 0, a default value of 5 is used"', async () => {
    const deadLetterTopic = await api.topic();
    const request = {
      name: fresh(),
      topic: await api.topic(),
      deadLetterPolicy: { deadLetterTopic },
    };
    expect(await api.call('CreateSubscription', request)).toMatchObject({
      deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 5 },
    });
  });

  test.each([
    [4, 'small', 'minimum value is 5'],
    [-1, 'small', 'minimum value is 5'],
    [101, 'large', 'maximum value is 100'],
  ])('"The value must be between 5 and 100": %i', async (maxDeliveryAttempts, size, bound) => {
    const deadLetterTopic = await api.topic();
    const deadLetterPolicy = { deadLetterTopic, maxDeliveryAttempts };
    const request = { name: fresh(), topic: await api.topic(), deadLetterPolicy };
    expect(await api.refusal('CreateSubscription', request)).toEqual({
      code: 'OUT_OF_RANGE',
      message: `The value for max_delivery_attempts is too ${size}. You passed ${maxDeliveryAttempts} in the request, but the ${bound}.`,
    });
  });

  test('a dead letter topic must be one: "The operation will fail if the topic does not exist"', async () => {
    const id = freshId('missing');
    const base = { name: fresh(), topic: await api.topic() };
    const missing = { deadLetterTopic: api.topicName(id) };
    const request = { ...base, deadLetterPolicy: missing };
    expect(await api.refusal('CreateSubscription', request)).toEqual(notFound(id));
    const none = { ...base, deadLetterPolicy: { maxDeliveryAttempts: 5 } };
    expect(await api.refusal('CreateSubscription', none)).toEqual(invalidName(''));
    expect(await api.refusal('GetSubscription', { subscription: base.name })).toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test.each([
    'bogus(',
    'attributes.a = b',
    'a AND b',
    'attributes:a AND attributes:b OR attributes:c',
  ])('the filter %s is none', async (filter) => {
    const request = { name: fresh(), topic: await api.topic(), filter };
    expect((await api.refusal('CreateSubscription', request)).code).toBe('INVALID_ARGUMENT');
  });

  test('a filter has at most 256 bytes', async () => {
    const filterOf = (bytes: number): string => `attributes.a="${'b'.repeat(bytes - 15)}"`;
    const topic = await api.topic();
    const taken = { name: fresh(), topic, filter: filterOf(256) };
    expect(await api.call('CreateSubscription', taken)).toMatchObject({ filter: taken.filter });
    const refused = { name: fresh(), topic, filter: filterOf(257) };
    expect((await api.refusal('CreateSubscription', refused)).code).toBe('INVALID_ARGUMENT');
  });

  test('with exactly-once delivery the default deadline is 60 seconds', async () => {
    const request = { name: fresh(), topic: await api.topic(), enableExactlyOnceDelivery: true };
    expect(await api.call('CreateSubscription', request)).toMatchObject({ ackDeadlineSeconds: 60 });
  });

  test('exactly-once delivery is "not supported" for push subscriptions', async () => {
    const pushConfig = { pushEndpoint: 'http://127.0.0.1:9/push' };
    const base = { name: fresh(), topic: await api.topic(), pushConfig };
    const request = { ...base, enableExactlyOnceDelivery: true };
    expect(await api.refusal('CreateSubscription', request)).toEqual(exactlyOncePushed);
  });

  test('tags are "Input only": checked, and never shown', async () => {
    const base = { name: fresh(), topic: await api.topic() };
    const tags = { '123/environment': 'production' };
    expect(await api.call('CreateSubscription', { ...base, tags })).not.toHaveProperty('tags');
    const bad = { ...base, name: fresh(), tags: { environment: 'production' } };
    expect(await api.refusal('CreateSubscription', bad)).toEqual(
      badArgument('tags: "environment" is no tag key'),
    );
  });

  test('what only the server says is ignored', async () => {
    const base = { name: fresh(), topic: await api.topic() };
    const outputs = { state: 'RESOURCE_ERROR', topicMessageRetentionDuration: '600s' };
    const created = await api.call('CreateSubscription', { ...base, ...outputs, detached: true });
    expect(created).toMatchObject({ state: 'ACTIVE' });
    expect(created).not.toHaveProperty('detached');
    expect(created).not.toHaveProperty('topicMessageRetentionDuration');
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
    const name = `projects/elsewhere${live.projectSuffix}/topics/of-another-project`;
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
    expect(name.startsWith(`${api.project}/subscriptions/`)).toBe(true);
    expect(name.split('/').at(-1)).toMatch(/^[a-z][a-z0-9-]+$/);
  }
  expect(new Set(names).size).toBe(2);
});

test.each<[string, bigint, number]>([
  ['an eternity', 2n ** 63n - 1n, 0],
  ['ten thousand years and a second', 315_576_000_001n, 0],
  ['nanoseconds of a second and more', 600n, 1_000_000_000],
  ['signs that differ', 86_401n, -1],
  ['the most negative nanoseconds', 600n, -(2 ** 31)],
])('a Duration of %s is none, and no list breaks on it (gRPC only)', async (_, seconds, nanos) => {
  const api = liveApi(live, 'gRPC', 'no-duration');
  const topic = await api.topic();
  const before = await api.call('ListSubscriptions', { project: api.project });
  const duration = create(DurationSchema, { seconds, nanos });
  for (const [field, more] of [
    ['message_retention_duration', { messageRetentionDuration: duration }],
    ['expiration_policy.ttl', { expirationPolicy: { ttl: duration } }],
    ['retry_policy.minimum_backoff', { retryPolicy: { minimumBackoff: duration } }],
    ['retry_policy.maximum_backoff', { retryPolicy: { maximumBackoff: duration } }],
  ] as const) {
    const name = api.subscriptionName(freshId('subscription'));
    const message = create(SubscriptionSchema, { name, topic, ...more });
    const bytes = toBinary(SubscriptionSchema, message);
    const call = grpc.send('/google.pubsub.v1.Subscriber/CreateSubscription', bytes);
    expect(await refusalOf(call)).toEqual(badArgument(`${field} is no duration`));
  }
  expect(await api.call('ListSubscriptions', { project: api.project })).toEqual(before);
});
