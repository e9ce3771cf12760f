import { Encodings, PubSub, Schema, SchemaTypes, type Message } from '@google-cloud/pubsub';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
let pubsub: PubSub;

beforeAll(() => {
  pubsub = new PubSub({ projectId: 'node', apiEndpoint: live.address });
});
afterAll(async () => await pubsub.close());

const definition = JSON.stringify({
  type: 'record',
  name: 'Province',
  fields: [
    { name: 'name', type: 'string' },
    { name: 'post_abbr', type: 'string' },
  ],
});

test('the official Node client makes a schema, publishes by it, and reads its metadata', async () => {
  const schema = await pubsub.createSchema('provinces', SchemaTypes.Avro, definition);
  expect(await schema.get()).toMatchObject({ type: 'AVRO', definition });
  const listed: string[] = [];
  for await (const each of pubsub.listSchemas()) listed.push(each.name ?? '');
  expect(listed).toEqual([await schema.getName()]);
  await pubsub.validateSchema({ type: SchemaTypes.Avro, definition });
  // The client takes bytes as base64 here.
  const bytes = Buffer.from('{"name":"Jeju","post_abbr":"JJ"}').toString('base64');
  await schema.validateMessage(bytes, Encodings.Json);
  const name = await schema.getName();
  const [topic] = await pubsub.createTopic({
    name: 'by-schema',
    schemaSettings: { schema: name, encoding: Encodings.Json },
  });
  const [subscription] = await topic.createSubscription('by-schema-sub');
  const received = new Promise<Message>((resolve, reject) => {
    subscription.once('error', reject);
    subscription.once('message', resolve);
  });
  await topic.publishMessage({ json: { name: 'Seoul', post_abbr: 'SO' } });
  const message = await received;
  message.ack();
  expect(Schema.metadataFromMessage(message.attributes)).toMatchObject({
    name,
    encoding: Encodings.Json,
  });
  await subscription.close();
  await expect(topic.publishMessage({ json: { name: 1 } })).rejects.toMatchObject({
    code: 3,
    details: 'Invalid data in message: Message failed schema validation.',
  });
  await schema.delete();
  const [metadata] = await topic.getMetadata();
  expect(metadata.schemaSettings?.schema).toBe('_deleted-schema_');
});
