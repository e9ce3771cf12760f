import { describe, expect, test } from 'vitest';

import {
  BigQueryConfigSchema,
  BigtableConfigSchema,
  CloudStorageConfigSchema,
  IngestionDataSourceSettingsSchema,
} from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { badArgument } from './expected-refusals.ts';

const live = useTestedServer();

const udf = (functionName: string, body: string = 'return message;'): Json => ({
  javascriptUdf: { functionName, code: `function ${functionName}(message, metadata) { ${body} }` },
});
const zlib = (compressionMode: string): Json => ({
  compression: { compressionAlgorithm: 'ZLIB', compressionMode },
});

/** Of each field of an export or an ingestion, one that has nothing but it. */
function eachField(desc: { readonly fields: readonly { readonly jsonName: string }[] }): string[] {
  return desc.fields.map(({ jsonName }) => jsonName);
}

describe.each(wireNames)('message transforms over %s', (wire) => {
  const api = liveApi(live, wire);
  const fresh = (kind: string): string => `${api.project}/${kind}/${freshId('transform')}`;

  test('are shown as they were given, by every method that shows the resource', async () => {
    const messageTransforms = [
      { ...udf('first'), enabled: true },
      { ...udf('second'), disabled: true },
      zlib('COMPRESS'),
      zlib('DECOMPRESS'),
    ];
    const name = fresh('topics');
    const created = await api.call('CreateTopic', { name, messageTransforms });
    expect(created).toEqual({ name, messageTransforms, state: 'ACTIVE' });
    expect(await api.call('GetTopic', { topic: name })).toEqual(created);
    const { topics } = await api.call<{ topics: Json[] }>('ListTopics', { project: api.project });
    expect(topics).toContainEqual(created);
    const request = { name: fresh('subscriptions'), topic: name, messageTransforms };
    expect(await api.call('CreateSubscription', request)).toMatchObject({ messageTransforms });
    await live.restart();
    expect(await api.call('GetTopic', { topic: name })).toEqual(created);
    const { name: subscription } = request;
    expect(await api.call('GetSubscription', { subscription })).toMatchObject(request);
  });

  test('are changed and taken away by an update that names them, and by no other', async () => {
    const name = await api.topic({ messageTransforms: [udf('first')] });
    const topic = { name, labels: { a: '1' }, messageTransforms: [udf('second')] };
    expect(await api.call('UpdateTopic', { topic, updateMask: 'labels' })).toMatchObject({
      messageTransforms: [udf('first')],
    });
    expect(await api.call('UpdateTopic', { topic, updateMask: 'messageTransforms' })).toMatchObject(
      { messageTransforms: [udf('second')] },
    );
    const without = await api.call('UpdateTopic', {
      topic: { name },
      updateMask: 'messageTransforms',
    });
    expect(without).toEqual({ name, labels: { a: '1' }, state: 'ACTIVE' });
    const subscription = { name: fresh('subscriptions'), topic: name };
    await api.call('CreateSubscription', subscription);
    const changed = { ...subscription, messageTransforms: [udf('third')] };
    const updateMask = 'messageTransforms';
    expect(
      await api.call('UpdateSubscription', { subscription: changed, updateMask }),
    ).toMatchObject({ messageTransforms: [udf('third')] });
  });

  test.each<[string, Json[], string]>([
    ['no transform in it', [{ disabled: true }], '[0]: must have a transform'],
    ['no name', [udf('')], '[0].javascript_udf.function_name: must not be empty'],
    [
      'no code',
      [{ javascriptUdf: { functionName: 'f' } }],
      '[0].javascript_udf.code: must not be empty',
    ],
    [
      'two functions of one name',
      [udf('f'), zlib('COMPRESS'), udf('f')],
      '[2].javascript_udf.function_name: another has the name f',
    ],
    [
      'six of them',
      Array.from({ length: 6 }, (_, i) => udf(`f${i}`)),
      ': 6 transforms, but there may be at most 5',
    ],
    [
      'code that is too long',
      [udf('f', `return message; // ${'x'.repeat(20_480)}`)],
      '[0].javascript_udf.code: 20533 bytes, but there may be at most 20480',
    ],
    [
      'no algorithm',
      [{ compression: { compressionMode: 'COMPRESS' } }],
      '[0].compression.compression_algorithm: must be ZLIB',
    ],
    [
      'no mode',
      [{ compression: { compressionAlgorithm: 'ZLIB' } }],
      '[0].compression.compression_mode: must be COMPRESS or DECOMPRESS',
    ],
  ])('%s: refused, in a topic and in a subscription', async (_, messageTransforms, fault) => {
    const refused = badArgument(`message_transforms${fault}`);
    const topic = await api.topic();
    const more = { messageTransforms };
    expect(await api.refusal('CreateTopic', { name: fresh('topics'), ...more })).toEqual(refused);
    const subscription = { name: fresh('subscriptions'), topic, ...more };
    expect(await api.refusal('CreateSubscription', subscription)).toEqual(refused);
    const updateMask = 'messageTransforms';
    expect(
      await api.refusal('UpdateTopic', { topic: { name: topic, ...more }, updateMask }),
    ).toEqual(refused);
  });

  test.each([
    ['does not parse', 'function f(message) {', /message_transforms\[1\]: .*Syntax/],
    ['has no such function', 'function g(message) {}', /message_transforms\[1\]: .*f/],
  ])('code that %s is refused, with its index', async (_, code, text) => {
    const messageTransforms = [udf('first'), { javascriptUdf: { functionName: 'f', code } }];
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(text) };
    const name = fresh('topics');
    expect(await api.refusal('CreateTopic', { name, messageTransforms })).toEqual(refused);
    expect(await api.refusal('GetTopic', { topic: name })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('AI inference is UNIMPLEMENTED by its name', async () => {
    const messageTransforms = [
      {
        aiInference: { endpoint: 'projects/p/locations/l/endpoints/e', unstructuredInference: {} },
      },
    ];
    const refused = {
      code: 'UNIMPLEMENTED',
      message:
        'The field "ai_inference" of google.pubsub.v1.MessageTransform is not supported by this server.',
    };
    const more = { messageTransforms };
    expect(await api.refusal('CreateTopic', { name: fresh('topics'), ...more })).toEqual(refused);
    const request = { name: fresh('subscriptions'), topic: await api.topic(), ...more };
    expect(await api.refusal('CreateSubscription', request)).toEqual(refused);
  });
});

describe.each(wireNames)('ingestion and export over %s', (wire) => {
  const api = liveApi(live, wire);
  const fresh = (kind: string): string => `${api.project}/${kind}/${freshId('export')}`;

  /** A field of a message has none of its own; text is text, and the rest is as it may be. */
  const valueOf = (field: string): unknown => {
    const values: Record<string, unknown> = {
      state: 'ACTIVE',
      platformLogsSettings: { severity: 'INFO' },
      maxDuration: '300s',
      maxBytes: '1000',
      maxMessages: '1000',
    };
    const flags = ['useTopicSchema', 'useTableSchema', 'writeMetadata', 'dropUnknownFields'];
    const messages = ['textConfig', 'avroConfig', ...eachField(IngestionDataSourceSettingsSchema)];
    if (field in values) return values[field];
    if (flags.includes(field)) return true;
    return messages.includes(field) ? {} : 'text';
  };

  const refusal = (message: string, field: string): Json => ({
    code: 'UNIMPLEMENTED',
    message: `The field "${field}" of google.pubsub.v1.${message} is not supported by this server.`,
  });

  test.each(['', ...eachField(IngestionDataSourceSettingsSchema)])(
    'ingestion_data_source_settings.%s is refused by name, at creation and in an update',
    async (field) => {
      const ingestionDataSourceSettings = field === '' ? {} : { [field]: valueOf(field) };
      const refused = refusal('Topic', 'ingestion_data_source_settings');
      const request = { name: fresh('topics'), ingestionDataSourceSettings };
      expect(await api.refusal('CreateTopic', request)).toEqual(refused);
      const topic = { name: await api.topic(), ingestionDataSourceSettings };
      const updateMask = 'ingestionDataSourceSettings';
      expect(await api.refusal('UpdateTopic', { topic, updateMask })).toEqual(refused);
    },
  );

  test.each([
    ['bigquery_config', 'bigqueryConfig', BigQueryConfigSchema],
    ['cloud_storage_config', 'cloudStorageConfig', CloudStorageConfigSchema],
    ['bigtable_config', 'bigtableConfig', BigtableConfigSchema],
  ])('%s is refused by name whatever it holds, at creation and in an update', async (...of) => {
    const [field, property, desc] = of;
    const refused = refusal('Subscription', field);
    const topic = await api.topic();
    for (const inner of ['', ...eachField(desc)]) {
      const config = { [property]: inner === '' ? {} : { [inner]: valueOf(inner) } };
      const request = { name: fresh('subscriptions'), topic, ...config };
      expect(await api.refusal('CreateSubscription', request), inner).toEqual(refused);
    }
    const name = fresh('subscriptions');
    await api.call('CreateSubscription', { name, topic });
    const subscription = { name, [property]: {} };
    const update = { subscription, updateMask: property };
    expect(await api.refusal('UpdateSubscription', update)).toEqual(refused);
  });

  test('what Analytics Hub says of a subscription is refused by name', async () => {
    const info = { listing: 'projects/p/locations/l/dataExchanges/e/listings/l' };
    const request = {
      name: fresh('subscriptions'),
      topic: await api.topic(),
      analyticsHubSubscriptionInfo: info,
    };
    expect(await api.refusal('CreateSubscription', request)).toEqual(
      refusal('Subscription', 'analytics_hub_subscription_info'),
    );
  });
});
