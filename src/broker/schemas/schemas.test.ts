import { describe, expect, test } from 'vitest';

import { BrokerHarness, project } from '../../../test/support/broker-harness.ts';
import type { SchemaDefinition } from '../../schemas/index.ts';
import type { SchemaAdministration } from './schema-administration.ts';

const name = `${project}/schemas/shape`;
const everything = { pageSize: 0, pageToken: '' };

/** A record of optional texts: whatever comes or goes, old and new can read each other. */
const avro = (...fields: readonly string[]): SchemaDefinition => ({
  type: 'AVRO',
  definition: JSON.stringify({
    type: 'record',
    name: 'Shape',
    fields: fields.map((field) => ({ name: field, type: 'string', default: '' })),
  }),
});

const proto: SchemaDefinition = {
  type: 'PROTOCOL_BUFFER',
  definition: 'syntax = "proto3"; message Shape { string a = 1; }',
};

const refusal = (code: string, reason: string, message: unknown): unknown =>
  expect.objectContaining({ code, reason, message });

async function open(): Promise<{ harness: BrokerHarness; schemas: SchemaAdministration }> {
  const harness = await BrokerHarness.open();
  return { harness, schemas: harness.broker.schemas };
}

describe('a schema', () => {
  test('is created, revised, rolled back, listed and deleted, and outlives restarts', async () => {
    const { harness } = await open();
    const now = (): SchemaAdministration => harness.broker.schemas;
    const one = await harness.until(now().createSchema(name, avro('a')));
    expect(one).toEqual({
      ...avro('a'),
      name,
      revisionId: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      revisionCreateTimeMs: harness.clock.wallMs(),
    });
    const uid = harness.broker.directory.uidOf(name);
    await harness.restart();
    const two = await harness.until(now().commitSchema(name, avro('a', 'b')));
    await harness.restart();
    const three = await harness.until(now().rollbackSchema(name, one.revisionId));
    expect({ ...three, revisionId: one.revisionId }).toEqual(one);
    expect(new Set([one, two, three].map(({ revisionId }) => revisionId)).size).toBe(3);
    await harness.restart();
    expect(await harness.until(now().getSchema(name))).toEqual(three);
    expect(await harness.until(now().getSchema(`${name}@${two.revisionId}`))).toEqual(two);
    const listed = await harness.until(now().listSchemaRevisions(name, everything));
    expect(listed).toEqual({ items: [three, two, one], nextPageToken: '' });
    expect(harness.broker.directory.uidOf(name)).toBe(uid);
    await harness.until(now().deleteSchema(name));
    await harness.restart();
    await expect(now().getSchema(name)).rejects.toEqual(
      refusal('NOT_FOUND', 'RESOURCE_NOT_FOUND', 'Resource not found (resource=shape).'),
    );
    expect(await harness.meta.list('schema')).toEqual([]);
    expect(harness.broker.directory.uidOf(name)).toBeUndefined();
    await harness.close();
  });

  test('is there once; a later one of the name is another', async () => {
    const { harness, schemas } = await open();
    const first = await harness.until(schemas.createSchema(name, avro('a')));
    const uid = harness.broker.directory.uidOf(name);
    await expect(harness.until(schemas.createSchema(name, avro('a')))).rejects.toEqual(
      refusal('ALREADY_EXISTS', 'RESOURCE_EXISTS', expect.any(String)),
    );
    await harness.until(schemas.deleteSchema(name));
    await harness.until(schemas.createSchema(name, proto));
    expect(harness.broker.directory.uidOf(name)).not.toBe(uid);
    await expect(schemas.getSchema(`${name}@${first.revisionId}`)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await harness.close();
  });

  test('keeps a compiled descriptor set to the byte', async () => {
    const { harness, schemas } = await open();
    // FileDescriptorSet of `message M { optional string a = 1; }` in m.proto, proto2.
    const bytes = new Uint8Array(
      Buffer.from('0a190a076d2e70726f746f220e0a014d12090a0161180120012809', 'hex'),
    );
    const compiled = { rootMessage: 'M', bytes };
    const definition = { type: 'PROTOCOL_BUFFER', definition: '', compiled } as const;
    const created = await harness.until(schemas.createSchema(name, definition));
    expect(created).toMatchObject({ compiled });
    await harness.restart();
    expect(await harness.until(harness.broker.schemas.getSchema(name))).toEqual(created);
    await harness.close();
  });
});

describe('a revision', () => {
  test('that is incompatible with any before is refused, and names it', async () => {
    const { harness, schemas } = await open();
    const of = (field: object): SchemaDefinition => ({
      type: 'AVRO',
      definition: JSON.stringify({ type: 'record', name: 'Shape', fields: [field] }),
    });
    const one = await harness.until(
      schemas.createSchema(name, of({ name: 'n', type: 'int', default: 0 })),
    );
    await harness.until(schemas.commitSchema(name, of({ name: 'm', type: 'int', default: 0 })));
    const back = of({ name: 'n', type: 'string', default: '' });
    await expect(harness.until(schemas.commitSchema(name, back))).rejects.toEqual(
      refusal(
        'INVALID_ARGUMENT',
        'SCHEMA_INCOMPATIBLE',
        expect.stringMatching(
          `^Revision is incompatible with previous revision: ${one.revisionId}\\. .+`,
        ),
      ),
    );
    const { items } = await harness.until(schemas.listSchemaRevisions(name, everything));
    expect(items).toHaveLength(2);
    await harness.close();
  });

  test('of another type, or that is no schema, is refused', async () => {
    const { harness, schemas } = await open();
    await harness.until(schemas.createSchema(name, avro('a')));
    await expect(harness.until(schemas.commitSchema(name, proto))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('of type AVRO, which cannot change') as string,
    });
    const broken = { type: 'AVRO', definition: '{' } as const;
    const calls: readonly (() => Promise<unknown>)[] = [
      () => schemas.commitSchema(name, broken),
      () => schemas.createSchema(`${name}2`, broken),
      () => schemas.validateSchema(broken),
      () => schemas.validateMessage(broken, Buffer.from('x'), 'JSON'),
    ];
    for (const call of calls) {
      await expect(harness.until(call())).rejects.toEqual(
        refusal(
          'INVALID_ARGUMENT',
          'INVALID_SCHEMA',
          expect.stringMatching(/^Invalid schema definition: ./),
        ),
      );
    }
    await harness.close();
  });

  test('of more than 300,000 bytes is refused, whatever it is written in', async () => {
    const { harness, schemas } = await open();
    const long = { type: 'AVRO', definition: `"${'é'.repeat(150_000)}"` } as const;
    await expect(harness.until(schemas.createSchema(name, long))).rejects.toMatchObject({
      message:
        'The value for definition_size is too large. You passed 300002 in the request, but the maximum value is 300000.',
    });
    const bytes = new Uint8Array(300_001);
    const compiled = { rootMessage: 'M', bytes };
    const set = { type: 'PROTOCOL_BUFFER', definition: '', compiled } as const;
    await expect(harness.until(schemas.validateSchema(set))).rejects.toMatchObject({
      message: expect.stringContaining('300001') as string,
    });
    await harness.close();
  });

  test('is the twentieth at most; one that goes makes room', async () => {
    const { harness, schemas } = await open();
    const one = await harness.until(schemas.createSchema(name, avro('a')));
    for (let count = 1; count < 20; count++) {
      await harness.until(schemas.commitSchema(name, avro('a')));
    }
    const full = refusal(
      'RESOURCE_EXHAUSTED',
      'RESOURCE_QUOTA_EXCEEDED',
      expect.stringContaining('your revisions per schema quota (project="sim-project")'),
    );
    await expect(harness.until(schemas.commitSchema(name, avro('a')))).rejects.toEqual(full);
    const { revisionId } = one;
    await expect(harness.until(schemas.rollbackSchema(name, revisionId))).rejects.toEqual(full);
    await harness.until(schemas.deleteSchemaRevision(`${name}@${revisionId}`));
    await harness.until(schemas.commitSchema(name, avro('a')));
    await harness.close();
  });

  test('can be deleted unless it is the last, and the schema goes on with the newest', async () => {
    const { harness, schemas } = await open();
    const one = await harness.until(schemas.createSchema(name, avro('a')));
    const two = await harness.until(schemas.commitSchema(name, avro('a', 'b')));
    const gone = `${name}@${two.revisionId}`;
    expect(await harness.until(schemas.deleteSchemaRevision(gone))).toEqual(one);
    expect(await harness.until(schemas.getSchema(name))).toEqual(one);
    await expect(harness.until(schemas.deleteSchemaRevision(gone))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const last = schemas.deleteSchemaRevision(`${name}@${one.revisionId}`);
    await expect(harness.until(last)).rejects.toEqual(
      refusal('FAILED_PRECONDITION', 'LAST_SCHEMA_REVISION', expect.any(String)),
    );
    await harness.close();
  });
});

describe('lists', () => {
  test('give schemas by name and revisions newest first, with and without definitions', async () => {
    const { harness, schemas } = await open();
    for (const id of ['b-shape', 'a-shape', 'c-shape']) {
      await harness.until(schemas.createSchema(`${project}/schemas/${id}`, avro(id[0]!)));
    }
    const first = await harness.until(
      schemas.listSchemas(project, { pageSize: 2, pageToken: '' }, 'BASIC'),
    );
    expect(first.items.map((item) => [item.name.slice(-7), item.definition])).toEqual([
      ['a-shape', ''],
      ['b-shape', ''],
    ]);
    const { nextPageToken: pageToken } = first;
    const rest = await harness.until(schemas.listSchemas(project, { pageSize: 2, pageToken }));
    expect(rest).toMatchObject({ items: [avro('c')], nextPageToken: '' });
    await harness.close();
  });

  test('with definitions have no more on a page than fits into an answer', async () => {
    const { harness, schemas } = await open();
    const long = (at: number): SchemaDefinition => ({
      type: 'AVRO',
      definition: JSON.stringify({
        type: 'record',
        name: 'Shape',
        doc: 'x'.repeat(290_000),
        fields: [{ name: `f${at}`, type: 'string', default: '' }],
      }),
    });
    await harness.until(schemas.createSchema(name, long(0)));
    for (let at = 1; at < 16; at++) await harness.until(schemas.commitSchema(name, long(at)));
    const full = await harness.until(schemas.listSchemaRevisions(name, everything));
    expect([full.items.length, full.nextPageToken === '']).toEqual([13, false]);
    const { nextPageToken: pageToken } = full;
    const rest = await harness.until(
      schemas.listSchemaRevisions(name, { pageSize: 0, pageToken }, 'BASIC'),
    );
    expect([rest.items.length, rest.nextPageToken]).toEqual([3, '']);
    const basic = await harness.until(schemas.listSchemaRevisions(name, everything, 'BASIC'));
    expect(basic.items).toHaveLength(16);
    await harness.close();
  });
});

describe('a message is tried', () => {
  test('against the newest revision, a named one, or a definition of the call', async () => {
    const { harness, schemas } = await open();
    const one = await harness.until(schemas.createSchema(name, avro('a')));
    await harness.until(schemas.commitSchema(name, avro('a', 'b')));
    const both = Buffer.from('{"a":"1","b":"2"}');
    await harness.until(schemas.validateMessage(name, both, 'JSON'));
    await harness.until(schemas.validateMessage(avro('a', 'b'), both, 'JSON'));
    const named = schemas.validateMessage(`${name}@${one.revisionId}`, both, 'JSON');
    await expect(harness.until(named)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_JSON_AVRO_MESSAGE',
      message: 'Invalid data in message: Message failed schema validation.',
      details: [
        {
          reason: 'INVALID_JSON_AVRO_MESSAGE',
          domain: 'pubsub.googleapis.com',
          metadata: { message: 'Message failed schema validation' },
        },
      ],
    });
    const missing = schemas.validateMessage(`${project}/schemas/none`, both, 'JSON');
    await expect(harness.until(missing)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await harness.close();
  });
});

describe('a write that the disk did not confirm', () => {
  test('is told by its answer, and what was there goes on', async () => {
    const { harness, schemas } = await open();
    harness.faults.next('unknown-landed');
    const created = await Promise.allSettled([
      harness.until(schemas.createSchema(name, avro('a'))),
    ]);
    expect(created[0].status).toBe('fulfilled');
    harness.faults.next('unknown-lost');
    await expect(harness.until(schemas.commitSchema(name, avro('a', 'b')))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await harness.until(schemas.getSchema(name))).toMatchObject(avro('a'));
    await harness.until(schemas.commitSchema(name, avro('a', 'c')));
    harness.faults.next('conflict');
    await expect(harness.until(schemas.deleteSchema(name))).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await harness.until(schemas.deleteSchema(name));
    await harness.close();
  });
});
