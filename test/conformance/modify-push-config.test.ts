import { PubSub } from '@google-cloud/pubsub';
import { afterAll, describe, expect, test } from 'vitest';

import { freshId, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { pushedText, PushEndpoint } from '../support/push-endpoint.ts';
import { wireNames, type Json } from '../support/wire.ts';
import {
  badArgument,
  badIds,
  exactlyOncePushed,
  invalid,
  invalidName,
  notFound,
  notPulled,
} from './expected-refusals.ts';

const live = useTestedServer();
/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:9/push';
const version = { 'x-goog-version': 'v1' };

const badEndpoint = (endpoint: string): object =>
  invalid(
    `Invalid push endpoint given (endpoint=${endpoint}). Refer to https://cloud.google.com/pubsub/docs/subscriber#create for more information.`,
  );

/** Each configuration, and as it is shown. */
const configs: [string, Json, Json][] = [
  ['an endpoint', { pushEndpoint: nowhere }, { pushEndpoint: nowhere, attributes: version }],
  [
    'a token, as `gcloud --push-auth-service-account` asks for',
    {
      pushEndpoint: 'https://example.com/a?b=c',
      oidcToken: { serviceAccountEmail: 'push@p.iam.gserviceaccount.com', audience: 'aud' },
    },
    {
      pushEndpoint: 'https://example.com/a?b=c',
      attributes: version,
      oidcToken: { serviceAccountEmail: 'push@p.iam.gserviceaccount.com', audience: 'aud' },
    },
  ],
  [
    'no wrapper, as `gcloud --push-no-wrapper` asks for',
    { pushEndpoint: nowhere, noWrapper: {} },
    { pushEndpoint: nowhere, attributes: version, noWrapper: {} },
  ],
  [
    'no wrapper with metadata',
    { pushEndpoint: nowhere, noWrapper: { writeMetadata: true } },
    { pushEndpoint: nowhere, attributes: version, noWrapper: { writeMetadata: true } },
  ],
  [
    'the format of v1beta2, which is that of v1',
    { pushEndpoint: nowhere, attributes: { 'x-goog-version': 'v1beta2' } },
    { pushEndpoint: nowhere, attributes: { 'x-goog-version': 'v1beta2' } },
  ],
  [
    'the wrapper that there is without asking',
    { pushEndpoint: nowhere, pubsubWrapper: {} },
    { pushEndpoint: nowhere, attributes: version },
  ],
];

describe.each(wireNames)('push configurations over %s', (wire) => {
  const api = liveApi(live, wire, 'push-config');
  const shown = async (subscription: string): Promise<unknown> =>
    (await api.call<{ pushConfig: Json }>('GetSubscription', { subscription })).pushConfig;

  test.each(configs)(
    '%s is kept by CreateSubscription, ModifyPushConfig and UpdateSubscription',
    async (_, pushConfig, expected) => {
      const topic = await api.topic();
      const name = api.subscriptionName(freshId('created'));
      const created = await api.call('CreateSubscription', { name, topic, pushConfig });
      expect(created).toMatchObject({ pushConfig: expected, state: 'ACTIVE' });
      expect(await shown(name)).toEqual(expected);
      const modified = await api.subscription(topic);
      expect(await shown(modified)).toEqual({});
      expect(await api.call('ModifyPushConfig', { subscription: modified, pushConfig })).toEqual(
        {},
      );
      expect(await shown(modified)).toEqual(expected);
      const updated = await api.subscription(topic);
      const request = { subscription: { name: updated, pushConfig }, updateMask: 'pushConfig' };
      expect(await api.call('UpdateSubscription', request)).toMatchObject({ pushConfig: expected });
      expect(await shown(updated)).toEqual(expected);
    },
  );

  test('"An empty pushConfig indicates that the Pub/Sub system should stop pushing messages"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { pushConfig: { pushEndpoint: nowhere } });
    const pull = { subscription, maxMessages: 1, returnImmediately: true };
    expect(await api.refusal('Pull', pull)).toEqual(notPulled);
    await api.publish(topic, 'kept');
    await api.call('ModifyPushConfig', { subscription, pushConfig: {} });
    expect(await shown(subscription)).toEqual({});
    await live.pass(20_000);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['kept']);
  });

  test('the version stays if a call does not name it, until another does', async () => {
    const topic = await api.topic();
    const attributes = { 'x-goog-version': 'v1beta2' };
    const subscription = await api.subscription(topic, {
      pushConfig: { pushEndpoint: nowhere, attributes },
    });
    const pushEndpoint = 'http://127.0.0.1:9/other';
    await api.call('ModifyPushConfig', { subscription, pushConfig: { pushEndpoint } });
    expect(await shown(subscription)).toEqual({ pushEndpoint, attributes });
    const named = { pushEndpoint, attributes: version };
    await api.call('ModifyPushConfig', { subscription, pushConfig: named });
    expect(await shown(subscription)).toEqual(named);
  });

  test('a mask may name a part of it: the rest stays', async () => {
    const topic = await api.topic();
    const oidcToken = { serviceAccountEmail: 'push@example.com' };
    const pushConfig = { pushEndpoint: nowhere, oidcToken, noWrapper: { writeMetadata: true } };
    const name = await api.subscription(topic, { pushConfig });
    const pushEndpoint = 'http://127.0.0.1:9/moved';
    const move = {
      subscription: { name, pushConfig: { pushEndpoint } },
      updateMask: 'pushConfig.pushEndpoint',
    };
    await api.call('UpdateSubscription', move);
    const expected = { ...pushConfig, pushEndpoint, attributes: version };
    expect(await shown(name)).toEqual(expected);
    const bare = { subscription: { name }, updateMask: 'pushConfig.oidcToken' };
    await api.call('UpdateSubscription', bare);
    const { oidcToken: _, ...without } = expected;
    expect(await shown(name)).toEqual(without);
  });

  test('it is the same after a restart', async () => {
    const pushConfig = configs[1]![1];
    const name = await api.subscription(await api.topic(), { pushConfig });
    await live.restart();
    expect(await shown(name)).toEqual(configs[1]![2]);
  });

  test.each([
    ['example.com/push', 'example.com/push'],
    ['/push', '/push'],
    ['ftp://example.com/', 'ftp://example.com/'],
    ['http:/example.com', 'http:/example.com'],
    ['http://', 'http://'],
    ['http:///push', 'http:///push'],
    ['http://exa mple.com/', 'http://exa mple.com/'],
    ['http://example.com/\r\nx: y', 'http://example.com/\r\nx: y'],
    ['http://example.com/#part', 'http://example.com/#part'],
    ['http://example.com/#', 'http://example.com/#'],
    ['http://example.com:99999/', 'http://example.com:99999/'],
    ['http://user@example.com/', 'http://…@example.com/'],
    ['http://user:secret@example.com/', 'http://…@example.com/'],
    [`http://example.com/${'a'.repeat(2_030)}`, `http://example.com/${'a'.repeat(381)}`],
  ])('%j is no endpoint', async (pushEndpoint, text) => {
    const topic = await api.topic();
    const request = { name: api.subscriptionName(freshId('bad')), topic };
    const pushConfig = { pushEndpoint };
    expect(await api.refusal('CreateSubscription', { ...request, pushConfig })).toEqual(
      badEndpoint(text),
    );
    const subscription = await api.subscription(topic);
    expect(await api.refusal('ModifyPushConfig', { subscription, pushConfig })).toEqual(
      badEndpoint(text),
    );
    expect(await shown(subscription)).toEqual({});
  });

  test('an endpoint of 2,048 bytes is one', async () => {
    const pushEndpoint = `http://127.0.0.1:9/${'a'.repeat(2_029)}`;
    const name = await api.subscription(await api.topic(), { pushConfig: { pushEndpoint } });
    expect(await shown(name)).toEqual({ pushEndpoint, attributes: version });
  });

  test.each([
    [
      { pushEndpoint: nowhere, attributes: { 'x-goog-version': 'v2' } },
      badArgument('push_config.attributes: "x-goog-version" must be one of v1, v1beta2, v1beta1'),
    ],
    [
      { pushEndpoint: nowhere, attributes: { other: 'x' } },
      badArgument(
        'push_config.attributes: the only supported key is "x-goog-version", not "other"',
      ),
    ],
    [
      { pushEndpoint: nowhere, attributes: { 'x-goog-version': 'v1beta1' } },
      {
        code: 'UNIMPLEMENTED',
        message:
          'The field "attributes.x-goog-version: v1beta1" of google.pubsub.v1.PushConfig is not supported by this server.',
      },
    ],
    [
      { pushEndpoint: nowhere, oidcToken: { audience: 'aud' } },
      badArgument('push_config.oidc_token.service_account_email must be an email address'),
    ],
    [
      { oidcToken: { serviceAccountEmail: 'push@example.com' } },
      badArgument('push_config.push_endpoint must be set where there is any other setting'),
    ],
    [
      { noWrapper: { writeMetadata: true } },
      badArgument('push_config.push_endpoint must be set where there is any other setting'),
    ],
  ])('%j is refused', async (pushConfig, refusal) => {
    const subscription = await api.subscription(await api.topic());
    expect(await api.refusal('ModifyPushConfig', { subscription, pushConfig })).toEqual(refusal);
    expect(await shown(subscription)).toEqual({});
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const request = { subscription: api.subscriptionName(id), pushConfig: {} };
    expect(await api.refusal('ModifyPushConfig', request)).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('ModifyPushConfig', { subscription, pushConfig: {} })).toEqual(
      invalidName(subscription),
    );
  });

  test('an unknown part in a mask is refused', async () => {
    const name = await api.subscription(await api.topic());
    const request = { subscription: { name }, updateMask: 'pushConfig.colour' };
    expect(await api.refusal('UpdateSubscription', request)).toEqual(
      invalid(
        "Invalid update_mask provided in the UpdateSubscriptionRequest: push_config.colour is not a known Subscription field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.",
      ),
    );
  });

  test('a subscription with exactly-once delivery does not become pushed, nor a pushed one exactly-once', async () => {
    const topic = await api.topic();
    const pushConfig = { pushEndpoint: nowhere };
    const exact = await api.subscription(topic, { enableExactlyOnceDelivery: true });
    const modify = { subscription: exact, pushConfig };
    expect(await api.refusal('ModifyPushConfig', modify)).toEqual(exactlyOncePushed);
    const push = { subscription: { name: exact, pushConfig }, updateMask: 'pushConfig' };
    expect(await api.refusal('UpdateSubscription', push)).toEqual(exactlyOncePushed);
    expect(await shown(exact)).toEqual({});
    const pushed = await api.subscription(topic, { pushConfig });
    const update = {
      subscription: { name: pushed, enableExactlyOnceDelivery: true },
      updateMask: 'enableExactlyOnceDelivery',
    };
    expect(await api.refusal('UpdateSubscription', update)).toEqual(exactlyOncePushed);
    const both = { ...update, updateMask: 'pushConfig,enableExactlyOnceDelivery' };
    expect(await api.call('UpdateSubscription', both)).toMatchObject({
      enableExactlyOnceDelivery: true,
      pushConfig: {},
    });
  });
});

describe('over gRPC', () => {
  const grpc = liveGrpc(live);

  test('an open streaming pull ends when its subscription becomes pushed, and none is opened', async () => {
    const api = liveApi(live, 'gRPC', 'push-streams');
    const subscription = await api.subscription(await api.topic());
    const open = { subscription, streamAckDeadlineSeconds: 10 };
    const stream = grpc.stream(open);
    await stream.until(({ responses }) => responses.length > 0);
    const pushConfig = { pushEndpoint: nowhere };
    await api.call('ModifyPushConfig', { subscription, pushConfig });
    expect(await stream.ended).toMatchObject(notPulled);
    expect(await grpc.stream(open).ended).toMatchObject(notPulled);
  });
});

describe('the official Node client', () => {
  let pubsub: PubSub | undefined;
  afterAll(async () => {
    await pubsub?.close();
  });

  test('creates a push subscription, moves it and makes it a pull subscription', async () => {
    pubsub = new PubSub({ projectId: 'node-push', apiEndpoint: live.address });
    const endpoint = new PushEndpoint();
    await endpoint.start();
    const [topic] = await pubsub.createTopic('topic');
    const [subscription] = await topic.createSubscription('pushed', {
      pushConfig: { pushEndpoint: endpoint.url },
    });
    await topic.publishMessage({ data: Buffer.from('first'), attributes: { a: 'b' } });
    await endpoint.untilCount(1);
    expect(pushedText(endpoint.requests[0]!)).toBe('first');
    await subscription.modifyPushConfig({ pushEndpoint: `${endpoint.url}/moved` });
    await topic.publishMessage({ data: Buffer.from('second') });
    await endpoint.untilCount(2);
    expect(endpoint.requests[1]!.path).toBe('/push/moved');
    const [metadata] = await subscription.getMetadata();
    expect(metadata.pushConfig).toMatchObject({ pushEndpoint: `${endpoint.url}/moved` });
    await subscription.modifyPushConfig({});
    await topic.publishMessage({ data: Buffer.from('third') });
    const pulled = await new Promise<string>((resolve) => {
      subscription.on('message', (message) => {
        message.ack();
        resolve(message.data.toString());
      });
    });
    expect(pulled).toBe('third');
    await subscription.close();
    await endpoint.stop();
  });
});
