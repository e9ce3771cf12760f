import { describe, expect, test } from 'vitest';

import { base64, freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import {
  alreadyExists,
  badArgument,
  badIds,
  goodIds,
  invalid,
  invalidName,
  notFound,
} from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

const live = useTestedServer();

const avro = (...fields: readonly string[]): string =>
  JSON.stringify({
    type: 'record',
    name: 'Shape',
    fields: fields.map((name) => ({ name, type: 'string', default: '' })),
  });
const proto = (...fields: readonly string[]): string =>
  `syntax = "proto3"; message Shape { ${fields.map((name, i) => `string ${name} = ${i + 1};`).join(' ')} }`;

/** FileDescriptorSet of `message M { optional string a = 1; }` in m.proto, proto2. */
const compiledBytes = Buffer.from(
  '0a190a076d2e70726f746f220e0a014d12090a0161180120012809',
  'hex',
).toString('base64');

const revisionId = expect.stringMatching(/^[0-9a-f]{8}$/) as string;
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const outputs = { revisionId, revisionCreateTime: time };

interface Revision extends Json {
  readonly name: string;
  readonly revisionId: string;
}

describe.each(wireNames)('SchemaService over %s', (wire) => {
  const api = liveApi(live, wire);
  const create = (schemaId: string, schema: Json): Json => ({
    parent: api.project,
    schemaId,
    schema,
  });

  test('CreateSchema: the name is made of parent and schema_id, whatever the schema says', async () => {
    const id = freshId('schema');
    const name = api.schemaName(id);
    const schema = { name: 'projects/other/schemas/other', type: 'AVRO', definition: avro('a') };
    const created = await api.call('CreateSchema', create(id, schema));
    expect(created).toEqual({ name, type: 'AVRO', definition: avro('a'), ...outputs });
    expect(await api.call('GetSchema', { name })).toEqual(created);
    expect(await api.call('GetSchema', { name, view: 'FULL' })).toEqual(created);
    const { definition: _definition, ...basic } = created;
    expect(await api.call('GetSchema', { name, view: 'BASIC' })).toEqual(basic);
    expect(await api.refusal('CreateSchema', create(id, schema))).toEqual(alreadyExists(id));
  });

  test('a compiled descriptor set comes back as it was given', async () => {
    const id = freshId('schema');
    const compiledProtoSchema = { rootMessage: 'M', compiledBytes };
    const schema = { type: 'PROTOCOL_BUFFER', compiledProtoSchema };
    const created = await api.call('CreateSchema', create(id, schema));
    expect(created).toEqual({ name: api.schemaName(id), ...schema, ...outputs });
    const parent = api.project;
    const message = Buffer.from('0a0131', 'hex').toString('base64');
    const request = { parent, name: api.schemaName(id), message, encoding: 'BINARY' };
    expect(await api.call('ValidateMessage', request)).toEqual({});
  });

  test.each(goodIds)('the id %s is one, and is found under exactly that name', async (id) => {
    const name = api.schemaName(id);
    const schema = { type: 'AVRO', definition: avro('a') };
    expect(await api.call('CreateSchema', create(id, schema))).toMatchObject({ name });
    expect(await api.call('GetSchema', { name })).toMatchObject({ name });
    expect(await api.call('DeleteSchema', { name })).toEqual({});
  });

  test.each([...badIds, ''])('the id "%s" is none', async (id) => {
    const schema = { type: 'AVRO', definition: avro('a') };
    expect(await api.refusal('CreateSchema', create(id, schema))).toEqual(
      invalidName(api.schemaName(id)),
    );
  });

  test.each([
    [{ definition: '{}' }, 'schema.type must be AVRO or PROTOCOL_BUFFER'],
    [{ type: 'AVRO' }, 'schema.definition must be set'],
    [
      { type: 'AVRO', compiledProtoSchema: { rootMessage: 'M', compiledBytes } },
      'schema.compiled_proto_schema needs the type PROTOCOL_BUFFER',
    ],
    [
      {
        type: 'PROTOCOL_BUFFER',
        definition: proto('a'),
        compiledProtoSchema: { rootMessage: 'M', compiledBytes },
      },
      'schema: definition and compiled_proto_schema exclude each other',
    ],
    [
      { type: 'PROTOCOL_BUFFER', compiledProtoSchema: { compiledBytes } },
      'schema.compiled_proto_schema.root_message must be set',
    ],
  ])('the schema %j is refused', async (schema, fault) => {
    const refusal = badArgument(fault);
    const parent = api.project;
    expect(await api.refusal('CreateSchema', create(freshId('schema'), schema))).toEqual(refusal);
    expect(await api.refusal('ValidateSchema', { parent, schema })).toEqual(refusal);
    const name = await api.schema(avro('a'));
    expect(await api.refusal('CommitSchema', { name, schema })).toEqual(refusal);
  });

  test.each([
    ['AVRO', '{"type":"record"'],
    ['PROTOCOL_BUFFER', 'message {'],
  ])(
    'a definition of %s that is none is refused, and nothing is created',
    async (type, definition) => {
      const id = freshId('schema');
      const schema = { type, definition };
      const refusal = await api.refusal('CreateSchema', create(id, schema));
      expect(refusal.code).toBe('INVALID_ARGUMENT');
      expect(refusal.message).toMatch(/^Invalid schema definition: ./);
      expect(await api.refusal('ValidateSchema', { parent: api.project, schema })).toEqual(refusal);
      expect(await api.refusal('GetSchema', { name: api.schemaName(id) })).toEqual(notFound(id));
    },
  );

  test('CommitSchema, ListSchemaRevisions, RollbackSchema and DeleteSchemaRevision', async () => {
    const name = await api.schema(proto('a'), 'PROTOCOL_BUFFER');
    const one = await api.call<Revision>('GetSchema', { name });
    const schema = { type: 'PROTOCOL_BUFFER', definition: proto('a', 'b') };
    const two = await api.call<Revision>('CommitSchema', { name, schema });
    expect(two).toEqual({ name, ...schema, ...outputs });
    const three = await api.call<Revision>('RollbackSchema', {
      name,
      revisionId: one.revisionId,
    });
    expect(three).toMatchObject({ name, definition: proto('a') });
    const listed = await api.call<{ schemas: Revision[] }>('ListSchemaRevisions', { name });
    expect(listed.schemas.map((item) => item.name)).toEqual(
      [three, two, one].map((revision) => `${name}@${revision.revisionId}`),
    );
    expect(listed.schemas[0]).not.toHaveProperty('definition');
    const full = await api.call<{ schemas: Revision[] }>('ListSchemaRevisions', {
      name,
      view: 'FULL',
      pageSize: 1,
    });
    expect(full.schemas).toMatchObject([{ definition: proto('a') }]);
    const at = `${name}@${two.revisionId}`;
    expect(await api.call('GetSchema', { name: at })).toEqual({ ...two, name: at });
    expect(await api.call('DeleteSchemaRevision', { name: at })).toEqual(three);
    expect((await api.refusal('GetSchema', { name: at })).code).toBe('NOT_FOUND');
    const deprecated = { name, revisionId: one.revisionId };
    expect(await api.call('DeleteSchemaRevision', deprecated)).toEqual(three);
    const last = await api.refusal('DeleteSchemaRevision', {
      name: `${name}@${three.revisionId}`,
    });
    expect(last.code).toBe('FAILED_PRECONDITION');
  });

  test('a revision that is incompatible with an earlier one is refused, and names that', async () => {
    const name = await api.schema(proto('a'), 'PROTOCOL_BUFFER');
    const { revisionId: id } = await api.call<Revision>('GetSchema', { name });
    const schema = {
      type: 'PROTOCOL_BUFFER',
      definition: 'syntax = "proto3"; message Shape { int64 a = 1; }',
    };
    const refusal = await api.refusal('CommitSchema', { name, schema });
    expect(refusal.code).toBe('INVALID_ARGUMENT');
    expect(refusal.message).toContain(`Revision is incompatible with previous revision: ${id}. `);
    const other = { type: 'AVRO', definition: avro('a') };
    expect(await api.refusal('CommitSchema', { name, schema: other })).toEqual(
      badArgument('schema.type: the schema is of type PROTOCOL_BUFFER, which cannot change'),
    );
  });

  test.each(['@', '@nope', '@0000000G', '@00000000@00000000'])(
    'a revision that is called %s is no name',
    async (suffix) => {
      const name = `${await api.schema(avro('a'))}${suffix}`;
      expect(await api.refusal('GetSchema', { name })).toEqual(invalidName(name));
      expect(await api.refusal('DeleteSchemaRevision', { name })).toEqual(invalidName(name));
    },
  );

  test('only GetSchema, DeleteSchemaRevision and ValidateMessage take a revision', async () => {
    const name = `${await api.schema(avro('a'))}@00000000`;
    const schema = { type: 'AVRO', definition: avro('a') };
    const refusal = invalidName(name);
    expect(await api.refusal('CommitSchema', { name, schema })).toEqual(refusal);
    expect(await api.refusal('DeleteSchema', { name })).toEqual(refusal);
    expect(await api.refusal('ListSchemaRevisions', { name })).toEqual(refusal);
    const id = name.slice(name.lastIndexOf('/') + 1);
    expect(await api.refusal('GetSchema', { name })).toEqual(notFound(id));
    expect(await api.refusal('DeleteSchemaRevision', { name })).toEqual(notFound(id));
  });

  test('what is missing is NOT_FOUND by its id', async () => {
    const id = freshId('none');
    const name = api.schemaName(id);
    const schema = { type: 'AVRO', definition: avro('a') };
    for (const [rpc, request] of [
      ['GetSchema', { name }],
      ['ListSchemaRevisions', { name }],
      ['CommitSchema', { name, schema }],
      ['DeleteSchema', { name }],
    ] as const) {
      expect(await api.refusal(rpc, request)).toEqual(notFound(id));
    }
    expect(await api.refusal('RollbackSchema', { name, revisionId: '00000000' })).toEqual(
      notFound(`${id}@00000000`),
    );
  });

  test('ValidateMessage: by name, and by a schema of the call', async () => {
    const parent = api.project;
    const name = await api.schema(avro('a'));
    const good = { message: base64('{"a":"1"}'), encoding: 'JSON' };
    expect(await api.call('ValidateMessage', { parent, name, ...good })).toEqual({});
    const schema = { type: 'AVRO', definition: avro('a') };
    expect(await api.call('ValidateMessage', { parent, schema, ...good })).toEqual({});
    const bad = { message: base64('{"b":1}'), encoding: 'JSON' };
    expect(await api.detailed('ValidateMessage', { parent, name, ...bad })).toEqual({
      code: 'INVALID_ARGUMENT',
      message: 'Invalid data in message: Message failed schema validation.',
      details: [
        {
          reason: 'INVALID_JSON_AVRO_MESSAGE',
          domain: 'pubsub.googleapis.com',
          metadata: {
            message: 'Message failed schema validation',
            revisionInfo: expect.any(String) as string,
          },
        },
      ],
    });
    const { message } = good;
    expect(await api.refusal('ValidateMessage', { parent, name, message })).toEqual(
      badArgument('encoding must be JSON or BINARY'),
    );
    expect(await api.refusal('ValidateMessage', { parent, ...good })).toEqual(
      badArgument('name or schema must be set'),
    );
  });

  test('a definition above 300,000 bytes is too large', async () => {
    const definition = JSON.stringify({
      type: 'record',
      name: 'Shape',
      doc: 'x'.repeat(300_000),
      fields: [],
    });
    const schema = { type: 'AVRO', definition };
    expect(await api.refusal('ValidateSchema', { parent: api.project, schema })).toEqual(
      invalid(
        `The value for definition_size is too large. You passed ${definition.length} in the request, but the maximum value is 300000.`,
      ),
    );
  });
});

describe.each(wireNames)('ListSchemas over %s', (wire) => {
  const shared = liveApi(live, wire);
  const fresh = (): LiveApi => new LiveApi(shared.wire, `${shared.project}-${freshId('paged')}`);

  pagingCases(fresh, {
    rpc: 'ListSchemas',
    field: 'schemas',
    parent: async (api) => ({ parent: api.project }),
    add: async (api, { parent }, id) => {
      const schema = { type: 'AVRO', definition: avro('a') };
      const created = await api.call<Revision>('CreateSchema', { parent, schemaId: id, schema });
      return created.name;
    },
    remove: (api, name) => api.call('DeleteSchema', { name }),
  });

  test('without a view there are no definitions, and with FULL there are', async () => {
    const api = fresh();
    const name = await api.schema(avro('a'));
    const parent = api.project;
    const basic = { name, type: 'AVRO', ...outputs };
    expect(await api.call('ListSchemas', { parent })).toEqual({ schemas: [basic] });
    expect(await api.call('ListSchemas', { parent, view: 'FULL' })).toEqual({
      schemas: [{ ...basic, definition: avro('a') }],
    });
  });
});

test('schemas and their revisions outlive a restart', async () => {
  const api = liveApi(live, 'REST');
  const name = await api.schema(avro('a'));
  const schema = { type: 'AVRO', definition: avro('a', 'b') };
  await api.call('CommitSchema', { name, schema });
  const before = await api.call('ListSchemaRevisions', { name, view: 'FULL' });
  await live.restart();
  expect(await api.call('ListSchemaRevisions', { name, view: 'FULL' })).toEqual(before);
});
