import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BrokerHarness, project } from '../../../test/support/broker-harness.ts';
import { RpcError } from '../../rpc/index.ts';
import type { SchemaDefinition } from '../../schemas/index.ts';
import { sealableMessage } from '../wire/index.ts';

const names = ['one', 'two'].map((id) => `${project}/schemas/${id}`);
const everything = { pageSize: 0, pageToken: '' };

/** Definition `n` takes the fields f0 … fn, each of which may be left out. */
const definition = (n: number): SchemaDefinition => ({
  type: 'PROTOCOL_BUFFER',
  definition: `syntax = "proto3"; message M { ${Array.from({ length: n + 1 }, (_, i) => `string f${i} = ${i + 1};`).join(' ')} }`,
});

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'create',
      'commit',
      'rollback',
      'deleteRevision',
      'delete',
      'bind',
      'publish',
      'restart',
      'fault',
    ),
    which: fc.nat(1),
    n: fc.nat(3),
  }),
  { minLength: 5, maxLength: 25 },
);

interface Revision {
  readonly id: string;
  readonly n: number;
}

/** What there should be: of each schema its revisions, and of the topic the creation it is bound to. */
interface Model {
  readonly schemas: Map<string, { revisions: Revision[] }>;
  bound: { revisions: Revision[] } | null;
  boundName: string;
  readonly published: string[];
}

const ok = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    return false;
  }
};

async function walk(
  harness: BrokerHarness,
  model: Model,
  { kind, which, n }: { kind: string; which: number; n: number },
): Promise<void> {
  const name = names[which]!;
  const { schemas } = harness.broker;
  const schema = model.schemas.get(name);
  const at = schema?.revisions[n % schema.revisions.length];
  if (kind === 'restart') await harness.restart();
  else if (kind === 'fault') harness.faults.next('unknown-landed');
  else if (kind === 'create') {
    const made = await ok(harness.until(schemas.createSchema(name, definition(n))));
    expect(made).toBe(schema === undefined);
    if (!made) return;
    const { revisionId: id } = await harness.until(schemas.getSchema(name));
    model.schemas.set(name, { revisions: [{ id, n }] });
  } else if (kind === 'bind') {
    const settings = { schema: name, encoding: 'JSON' } as const;
    const update = harness.broker.updateTopic(
      `${project}/topics/orders`,
      (stored) => ({ ...stored, schemaSettings: settings }),
      ['schema_settings'],
    );
    expect(await ok(harness.until(update))).toBe(schema !== undefined);
    if (schema === undefined) return;
    model.bound = schema;
    model.boundName = name;
  } else if (kind === 'publish') await publish(harness, model, n);
  else if (schema === undefined) {
    await expect(harness.until(schemas.deleteSchema(name))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  } else await revise(harness, model, { kind, name, n, at: at! });
}

async function revise(
  harness: BrokerHarness,
  model: Model,
  { kind, name, n, at }: { kind: string; name: string; n: number; at: Revision },
): Promise<void> {
  const { schemas } = harness.broker;
  const schema = model.schemas.get(name)!;
  if (kind === 'commit') {
    const { revisionId: id } = await harness.until(schemas.commitSchema(name, definition(n)));
    schema.revisions.push({ id, n });
  } else if (kind === 'rollback') {
    const { revisionId: id } = await harness.until(schemas.rollbackSchema(name, at.id));
    schema.revisions.push({ id, n: at.n });
  } else if (kind === 'deleteRevision') {
    const gone = await ok(harness.until(schemas.deleteSchemaRevision(`${name}@${at.id}`)));
    expect(gone).toBe(schema.revisions.length > 1);
    if (gone) schema.revisions = schema.revisions.filter(({ id }) => id !== at.id);
  } else {
    await harness.until(schemas.deleteSchema(name));
    schema.revisions = [];
    model.schemas.delete(name);
  }
}

/** A message with field fn alone: what any allowed revision with as many fields takes. */
async function publish(harness: BrokerHarness, model: Model, n: number): Promise<void> {
  const text = JSON.stringify({ [`f${n}`]: String(model.published.length) });
  const message = sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: '' });
  const call = harness.broker.publish(`${project}/topics/orders`, [message]);
  const isTaken = model.bound === null || model.bound.revisions.some((revision) => revision.n >= n);
  expect(await ok(harness.until(call))).toBe(isTaken);
  if (isTaken) model.published.push(text);
}

test('whatever is done, whatever restarts: schemas, revisions and what they let pass are as told', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (walked) => {
      const harness = await BrokerHarness.open();
      const topic = await harness.createTopic('orders');
      const subscription = await harness.createSubscription('billing', topic);
      const model: Model = { schemas: new Map(), bound: null, boundName: '', published: [] };
      for (const step of walked) await walk(harness, model, step);
      await harness.restart();
      const { schemas } = harness.broker;
      const { items } = await harness.until(schemas.listSchemas(project, everything, 'BASIC'));
      expect(items.map(({ name }) => name)).toEqual([...model.schemas.keys()].toSorted());
      for (const [name, { revisions }] of model.schemas) {
        const listed = await harness.until(schemas.listSchemaRevisions(name, everything));
        expect(listed.items.map((item) => [item.revisionId, item.definition])).toEqual(
          revisions.toReversed().map(({ id, n }) => [id, definition(n).definition]),
        );
      }
      const rows = await harness.meta.list('schema');
      const counts = [...model.schemas.values()].map(({ revisions }) => revisions.length + 1);
      expect(rows).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
      const pulled = await harness.pull(subscription);
      expect(pulled.map(({ text }) => text)).toEqual(model.published);
      await harness.close();
    }),
    { numRuns: 25 },
  );
});
