import { expect, test } from 'vitest';

import { BrokerHarness, project } from '../../../test/support/broker-harness.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { SchemaDefinition } from '../../schemas/index.ts';
import { FaultPlan, openMemoryKeyStore } from '../../storage/index.ts';
import { CompiledRevisions } from './compiled-revisions.ts';
import { SchemaCatalog } from './schema-catalog.ts';
import type { RevisionHead, SchemaRow } from './schema-rows.ts';

const definition = (at: number): string =>
  JSON.stringify({ type: 'record', name: `R${at}`, fields: [{ name: 'a', type: 'string' }] });

async function stored(count: number): Promise<{ catalog: SchemaCatalog; row: SchemaRow }> {
  const meta = openMemoryKeyStore({ clock: new VirtualClock(), faults: new FaultPlan() });
  const catalog = new SchemaCatalog(meta);
  const name = `${project}/schemas/shape`;
  let row: SchemaRow = { name, uid: 'aa', type: 'AVRO', revisions: [], nextOrdinal: 0 };
  for (let at = 0; at < count; at++) {
    const head: RevisionHead = { id: `0000000${at}`, ordinal: at, createTimeMs: 0, bytes: 1_000 };
    row = { ...row, revisions: [...row.revisions, head], nextOrdinal: at + 1 };
    await catalog.add(row, head, { type: 'AVRO', definition: definition(at) });
  }
  return { catalog, row };
}

test('those that were used longest ago go when there are too many bytes of them', async () => {
  const { catalog, row } = await stored(3);
  const compiled = new CompiledRevisions(catalog, 30_000);
  const [one, two, three] = row.revisions;
  await compiled.load(row, one!);
  await compiled.load(row, two!);
  expect(compiled.get(row, one!)).toBeDefined();
  await compiled.load(row, three!);
  expect([one, two, three].map((head) => compiled.get(row, head!) !== undefined)).toEqual([
    true,
    false,
    true,
  ]);
  expect(compiled.bytes).toBeLessThanOrEqual(30_000);
  for (const head of row.revisions) compiled.forget(row, head);
  expect(compiled.bytes).toBe(0);
});

/** Measured: up to 122 times the text for maps, 9 times for Avro. */
test.each<[SchemaDefinition, number]>([
  [{ type: 'PROTOCOL_BUFFER', definition: 'syntax = "proto3"; message M { int32 a = 1; }' }, 122],
  [{ type: 'AVRO', definition: definition(0) }, 9],
])('a definition counts as the memory that its compiled form may take', async (of, times) => {
  const { catalog, row } = await stored(0);
  const bytes = of.definition.length;
  const head: RevisionHead = { id: '0000000a', ordinal: 0, createTimeMs: 0, bytes };
  const only = { ...row, type: of.type, revisions: [head] };
  await catalog.add(only, head, of);
  const compiled = new CompiledRevisions(catalog);
  await compiled.load(only, head);
  expect(compiled.bytes).toBeGreaterThan(times * bytes);
  compiled.forget(only, head);
  expect(compiled.bytes).toBe(0);
});

test('one that is asked for twice at once is read once, and one that is gone is none', async () => {
  const { catalog, row } = await stored(2);
  const compiled = new CompiledRevisions(catalog);
  const [one, two] = row.revisions;
  const [first, second] = await Promise.all([compiled.load(row, one!), compiled.load(row, one!)]);
  expect(first).toBe(second);
  await catalog.removeRevision({ ...row, revisions: [one!] }, two!);
  expect(await compiled.load(row, two!)).toBeNull();
});

test('a definition that is missing is a loss of data, and is said', async () => {
  const harness = await BrokerHarness.open();
  const name = `${project}/schemas/shape`;
  const { schemas } = harness.broker;
  await harness.until(schemas.createSchema(name, { type: 'AVRO', definition: definition(0) }));
  const [row] = await harness.meta.list('schema-revision/');
  const { key, version } = row!;
  await harness.until(harness.meta.txn([{ key, version }], [{ key, value: null }]));
  await expect(harness.until(schemas.getSchema(name))).rejects.toMatchObject({
    code: 'DATA_LOSS',
    reason: 'METADATA_MALFORMED',
  });
  await harness.close();
});
