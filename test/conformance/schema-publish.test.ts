import { describe, expect, test } from 'vitest';

import { base64, freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { publishWireNames, wireNames, type Json } from '../support/wire.ts';
import { badArgument, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

const avro = (...fields: readonly string[]): string =>
  JSON.stringify({
    type: 'record',
    name: 'Shape',
    fields: fields.map((name) => ({ name, type: 'string', default: '' })),
  });
const proto = 'syntax = "proto3"; message Shape { string a = 1; }';

/** `{"a": "1"}`: Avro writes a text's length, zigzag, before it; protobuf the field's tag, too. */
const avroBytes = Buffer.from('0231', 'hex').toString('base64');
const protoBytes = Buffer.from('0a0131', 'hex').toString('base64');

const failed = invalid('Invalid data in message: Message failed schema validation.');

describe.each(publishWireNames)('Publish over %s to a topic with a schema', (wire) => {
  const api = liveApi(live, wire);
  // A WebSocket only publishes: the rest is done beside it, in the same project.
  const admin = liveApi(live, 'REST');
  const { project } = api;

  async function setUp(
    type: string,
    definition: string,
    encoding: string,
  ): Promise<{ topic: string; subscription: string; schema: string }> {
    const schemaId = freshId('schema');
    const schema = `${project}/schemas/${schemaId}`;
    await admin.call('CreateSchema', { parent: project, schemaId, schema: { type, definition } });
    const topic = `${project}/topics/${freshId('topic')}`;
    await admin.call('CreateTopic', { name: topic, schemaSettings: { schema, encoding } });
    const subscription = `${project}/subscriptions/${freshId('subscription')}`;
    await admin.call('CreateSubscription', { name: subscription, topic });
    return { topic, subscription, schema };
  }

  const send = (topic: string, ...data: readonly string[]): Promise<Json> =>
    api.call('Publish', { topic, messages: data.map((each) => ({ data: each })) });

  test.each([
    ['AVRO', 'JSON', avro('a'), base64('{"a":"1"}')],
    ['AVRO', 'BINARY', avro('a'), avroBytes],
    ['PROTOCOL_BUFFER', 'JSON', proto, base64('{"a":"1"}')],
    ['PROTOCOL_BUFFER', 'BINARY', proto, protoBytes],
  ])(
    '%s in %s: what conforms is delivered, and says to what',
    async (type, encoding, definition, data) => {
      const { topic, subscription, schema } = await setUp(type, definition, encoding);
      await send(topic, data);
      const [pulled] = await admin.pull(subscription, 1);
      expect(pulled!.message.data).toBe(data);
      expect(pulled!.message.attributes).toEqual({
        googclient_schemaname: schema,
        googclient_schemarevisionid: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
        googclient_schemaencoding: encoding,
      });
    },
  );

  test.each([
    ['AVRO', 'JSON', avro('a'), 'INVALID_JSON_AVRO_MESSAGE'],
    ['AVRO', 'BINARY', avro('a'), 'INVALID_BINARY_AVRO_MESSAGE'],
    ['PROTOCOL_BUFFER', 'JSON', proto, 'INVALID_JSON_PROTO_MESSAGE'],
    ['PROTOCOL_BUFFER', 'BINARY', proto, 'INVALID_BINARY_PROTO_MESSAGE'],
  ])('%s in %s: what does not is refused', async (type, encoding, definition, reason) => {
    const { topic, schema } = await setUp(type, definition, encoding);
    const messages = [{ data: base64('{"a":') }];
    const { details, ...refusal } = await api.detailed('Publish', { topic, messages });
    expect(refusal).toEqual(failed);
    expect(details).toEqual([
      {
        reason,
        domain: 'pubsub.googleapis.com',
        metadata: {
          message: 'Message failed schema validation',
          revisionInfo: expect.stringContaining(
            `Could not validate message with any schema revision for schema: ${schema}, `,
          ) as string,
        },
      },
    ]);
  });

  test('one message that does not conform keeps the whole request out', async () => {
    const { topic, subscription } = await setUp('AVRO', avro('a'), 'JSON');
    const good = base64('{"a":"1"}');
    const messages = [{ data: good }, { data: base64('{"b":"1"}') }];
    expect(await api.refusal('Publish', { topic, messages })).toEqual(failed);
    await send(topic, base64('{"a":"after"}'));
    const pulled = await admin.pull(subscription, 1);
    expect(pulled.map(textOf)).toEqual(['{"a":"after"}']);
    expect(await admin.pullOnce(subscription)).toEqual([]);
  });
});

describe.each(wireNames)('schema_settings over %s', (wire) => {
  const api = liveApi(live, wire);

  test('are shown as they were set, changed in parts, and removed', async () => {
    const schema = await api.schema(avro('a'));
    const { revisionId: one } = await api.call<{ revisionId: string }>('GetSchema', {
      name: schema,
    });
    const definition = avro('a', 'b');
    const committed = { name: schema, schema: { type: 'AVRO', definition } };
    const { revisionId: two } = await api.call<{ revisionId: string }>('CommitSchema', committed);
    const schemaSettings = { schema, encoding: 'JSON', firstRevisionId: one, lastRevisionId: one };
    const name = await api.topic({ schemaSettings });
    expect(await api.call('GetTopic', { topic: name })).toMatchObject({ schemaSettings });
    const both = { topic: name, messages: [{ data: base64('{"a":"1","b":"2"}') }] };
    expect(await api.refusal('Publish', both)).toEqual(failed);
    const part = { topic: { name, schemaSettings: { lastRevisionId: two } } };
    const updateMask = 'schemaSettings.lastRevisionId';
    expect(await api.call('UpdateTopic', { ...part, updateMask })).toMatchObject({
      schemaSettings: { ...schemaSettings, lastRevisionId: two },
    });
    await api.call('Publish', both);
    const backwards = {
      topic: { name, schemaSettings: { firstRevisionId: two, lastRevisionId: one } },
      updateMask: 'schemaSettings.firstRevisionId,schemaSettings.lastRevisionId',
    };
    expect(await api.refusal('UpdateTopic', backwards)).toEqual(
      badArgument('schema_settings: first_revision_id must not be newer than last_revision_id'),
    );
    const removed = { topic: { name }, updateMask: 'schemaSettings' };
    expect(await api.call('UpdateTopic', removed)).toEqual({ name, state: 'ACTIVE' });
    await api.publish(name, 'anything');
  });

  test('name a schema that is there, an encoding, and revisions of it', async () => {
    const schema = await api.schema(avro('a'));
    const id = schema.slice(schema.lastIndexOf('/') + 1);
    const refused = async (schemaSettings: Json): Promise<Json> =>
      await api.refusal('CreateTopic', {
        name: api.topicName(freshId('topic')),
        schemaSettings,
      });
    const encoding = 'JSON';
    const missing = api.schemaName('missing');
    expect(await refused({ schema: missing, encoding })).toEqual(notFound('missing'));
    expect(await refused({ schema })).toEqual(
      badArgument('schema_settings.encoding must be JSON or BINARY'),
    );
    expect(await refused({})).toEqual(invalidName(''));
    expect(await refused({ schema: `${schema}@00000000`, encoding })).toEqual(
      invalidName(`${schema}@00000000`),
    );
    expect(await refused({ schema, encoding, firstRevisionId: '00000000' })).toEqual(
      notFound(`${id}@00000000`),
    );
    expect(await refused({ schema, encoding, lastRevisionId: 'nope' })).toEqual(
      badArgument('schema_settings.last_revision_id: "nope" is no revision id'),
    );
    expect(await refused({ schema: '_deleted-schema_', encoding })).toEqual(
      notFound('_deleted-schema_'),
    );
  });

  test('"_deleted-schema_" once it is deleted, and nothing is published any more', async () => {
    const schema = await api.schema(avro('a'));
    const schemaSettings = { schema, encoding: 'JSON' };
    const topic = await api.topic({ schemaSettings });
    await api.publish(topic, '{"a":"1"}');
    await api.call('DeleteSchema', { name: schema });
    const shown = { schemaSettings: { schema: '_deleted-schema_', encoding: 'JSON' } };
    expect(await api.call('GetTopic', { topic })).toMatchObject(shown);
    const messages = [{ data: base64('{"a":"1"}') }];
    const gone = { code: 'NOT_FOUND', message: 'Schema associated with topic deleted.' };
    expect(await api.refusal('Publish', { topic, messages })).toEqual(gone);
    const labels = { team: 'a' };
    const update = { topic: { name: topic, labels }, updateMask: 'labels' };
    expect(await api.call('UpdateTopic', update)).toMatchObject({ ...shown, labels });
    const schemaId = schema.slice(schema.lastIndexOf('/') + 1);
    const again = { type: 'AVRO', definition: avro('a') };
    await api.call('CreateSchema', { parent: api.project, schemaId, schema: again });
    expect(await api.refusal('Publish', { topic, messages })).toEqual(gone);
  });
});
