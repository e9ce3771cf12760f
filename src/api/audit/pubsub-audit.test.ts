import { afterEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import type { AuditEntry, AuditWriter } from '../../audit/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { Publisher, Subscriber } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { SchemaService } from '../../proto/google/pubsub/v1/schema_pb.ts';
import { rpcName } from '../method.ts';
import { pubsubOperations } from './pubsub-operations.ts';

const topic = 'projects/p/topics/orders';
const subscription = 'projects/p/subscriptions/kitchen';
const key = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

/** Keeps what is written; may refuse. */
class KeptEntries implements AuditWriter {
  readonly entries: AuditEntry[] = [];
  isFull = false;

  async append(entry: AuditEntry): ReturnType<AuditWriter['append']> {
    if (this.isFull) throw new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', 'full');
    this.entries.push(entry);
    return { ...entry, insertId: 'a', timeMs: 0 };
  }

  get last(): AuditEntry {
    return this.entries.at(-1)!;
  }
}

let fixture: ApiFixture | undefined;

async function start(recordsReads = false): Promise<{
  writer: KeptEntries;
  call: (
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<[number, { [name: string]: unknown }]>;
}> {
  const writer = new KeptEntries();
  fixture = await startFixture({ audit: { writer, recordsReads } });
  const { url } = fixture.api;
  return {
    writer,
    async call(method, path, body) {
      const response = await fetch(`${url}/v1/${path}`, {
        method,
        headers: { 'content-type': 'application/json', 'user-agent': 'a-test' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return [response.status, (await response.json()) as { [name: string]: unknown }];
    },
  };
}

afterEach(async () => {
  await fixture?.api.drain(0);
  fixture = undefined;
});

test('a change is recorded with who, what, the permission and the key', async () => {
  const { writer, call } = await start();
  await call('PUT', topic, { kmsKeyName: key });
  expect(writer.entries).toEqual([
    {
      kind: 'activity',
      project: 'p',
      serviceName: 'pubsub.googleapis.com',
      methodName: 'google.pubsub.v1.Publisher.CreateTopic',
      resourceName: topic,
      resource: { type: 'pubsub_topic', labels: { project_id: 'p', topic_id: 'orders' } },
      caller: { principalEmail: 'anonymous', callerIp: '127.0.0.1', userAgent: 'a-test' },
      authorization: [
        { resource: 'projects/p', permission: 'pubsub.topics.create', granted: true },
      ],
      request: {
        '@type': 'type.googleapis.com/google.pubsub.v1.Topic',
        name: topic,
        kmsKeyName: key,
      },
      response: expect.objectContaining({ name: topic, kmsKeyName: key }) as unknown,
      metadata: { kmsKeyName: key },
    },
  ]);
});

test('the entry of a deletion still has the key of what is gone', async () => {
  const { writer, call } = await start();
  await call('PUT', topic, { kmsKeyName: key });
  await call('DELETE', topic);
  expect(writer.last).toMatchObject({
    methodName: 'google.pubsub.v1.Publisher.DeleteTopic',
    metadata: { kmsKeyName: key },
  });
});

test('what failed is recorded with its status, and answered as ever', async () => {
  const { writer, call } = await start();
  const [status] = await call('DELETE', topic);
  expect(status).toBe(404);
  expect(writer.last).toMatchObject({
    resourceName: topic,
    status: { code: 'NOT_FOUND', message: expect.any(String) as string },
  });
});

test('a subscription asks for two permissions, and its push endpoint keeps its secret', async () => {
  const { writer, call } = await start();
  await call('PUT', topic, {});
  const pushConfig = { pushEndpoint: 'https://push.example/hook?token=secret#part' };
  await call('PUT', subscription, { topic, pushConfig });
  expect(writer.last).toMatchObject({
    resource: { type: 'pubsub_subscription', labels: { subscription_id: 'kitchen' } },
    authorization: [
      { resource: 'projects/p', permission: 'pubsub.subscriptions.create' },
      { resource: topic, permission: 'pubsub.topics.attachSubscription' },
    ],
  });
  expect(JSON.stringify(writer.last)).toContain('https://push.example/hook?…');
  expect(JSON.stringify(writer.entries)).not.toContain('secret');
});

describe('schemas', () => {
  const schema = 'projects/p/schemas/shape';

  test('are recorded by the name that is asked for, failures too, and in parts', async () => {
    const { writer, call } = await start();
    const definition = 'x'.repeat(20_000);
    await call('POST', 'projects/p/schemas?schemaId=shape', { type: 'AVRO', definition });
    expect(writer.last).toMatchObject({
      kind: 'activity',
      methodName: 'google.pubsub.v1.SchemaService.CreateSchema',
      resourceName: schema,
      resource: { type: 'audited_resource' },
      authorization: [{ resource: 'projects/p', permission: 'pubsub.schemas.create' }],
      request: { schema: { type: 'AVRO', definition: `${'x'.repeat(16_384)}…` } },
      status: { code: 'UNIMPLEMENTED' },
    });
    await call('DELETE', `${schema}@00000000:deleteRevision`);
    expect(writer.last).toMatchObject({
      resourceName: `${schema}@00000000`,
      authorization: [{ permission: 'pubsub.schemas.delete' }],
    });
  });

  test('that are tried are reads, and what is tried on them is kept nowhere', async () => {
    const { writer, call } = await start(true);
    const message = Buffer.from('a secret').toString('base64');
    const body = { name: schema, message, encoding: 'JSON' };
    await call('POST', 'projects/p/schemas:validateMessage', body);
    expect(writer.last).toMatchObject({
      kind: 'data_access',
      resourceName: 'projects/p',
      request: { name: schema, encoding: 'JSON' },
    });
    expect(JSON.stringify(writer.entries)).not.toContain(message);
  });
});

describe('reads', () => {
  test('are not recorded by default, and messages never', async () => {
    const { writer, call } = await start();
    await call('PUT', topic, {});
    await call('GET', topic);
    await call('GET', 'projects/p/topics');
    const data = Buffer.from('a body').toString('base64');
    await call('POST', `${topic}:publish`, { messages: [{ data }] });
    await call('POST', `${subscription}:acknowledge`, { ackIds: ['x'] });
    await call('POST', `${subscription}:modifyAckDeadline`, {
      ackIds: ['x'],
      ackDeadlineSeconds: 10,
    });
    expect(writer.entries.map(({ methodName }) => methodName)).toEqual([
      'google.pubsub.v1.Publisher.CreateTopic',
    ]);
  });

  test('are data access if asked for', async () => {
    const { writer, call } = await start(true);
    await call('GET', topic);
    await call('GET', 'projects/p/topics');
    expect(writer.entries).toMatchObject([
      { kind: 'data_access', resourceName: topic, status: { code: 'NOT_FOUND' } },
      { kind: 'data_access', resourceName: 'projects/p', resource: { type: 'audited_resource' } },
    ]);
    expect(writer.last).not.toHaveProperty('response');
  });
});

test('a change that could not be recorded is answered with UNAVAILABLE, which says that it was made', async () => {
  const { writer, call } = await start();
  writer.isFull = true;
  const [status, body] = await call('PUT', topic, {});
  expect(status).toBe(503);
  expect(body).toMatchObject({
    error: {
      status: 'UNAVAILABLE',
      message: 'The change was made, but the audit log cannot be written.',
    },
  });
  expect(fixture!.broker.topics.has(topic)).toBe(true);
  // What failed anyway has its own answer.
  expect((await call('DELETE', 'projects/p/topics/missing'))[0]).toBe(404);
});

test('every method of Pub/Sub is recorded, or is one that Google never records', () => {
  const never = ['Acknowledge', 'ModifyAckDeadline', 'Publish', 'Pull', 'StreamingPull'];
  const services = [Publisher, Subscriber, SchemaService];
  const all = services.flatMap((service) => service.methods);
  const missing = all.filter(({ name }) => pubsubOperations[name] === undefined);
  expect(missing.map(({ name }) => name).toSorted()).toEqual(never);
  expect(Object.keys(pubsubOperations).length).toBe(all.length - never.length);
  for (const desc of all) {
    const operation = pubsubOperations[desc.name];
    const [first] = operation?.field.split('.') ?? [];
    const fields = desc.input.fields.map(({ localName }) => localName);
    if (operation) expect(fields, rpcName(desc)).toContain(first);
  }
});
