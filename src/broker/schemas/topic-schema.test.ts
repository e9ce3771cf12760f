import { describe, expect, test } from 'vitest';

import { BrokerHarness, project, topicName } from '../../../test/support/broker-harness.ts';
import type { SchemaDefinition } from '../../schemas/index.ts';
import { decodeMessage, sealableMessage } from '../wire/index.ts';
import type { SealableMessage, Topic } from '../service.ts';
import type { SchemaSettings } from './schema-administration.ts';

const schema = `${project}/schemas/shape`;
const everything = { pageSize: 0, pageToken: '' };

const avro = (...fields: readonly string[]): SchemaDefinition => ({
  type: 'AVRO',
  definition: JSON.stringify({
    type: 'record',
    name: 'Shape',
    fields: fields.map((name) => ({ name, type: 'string', default: '' })),
  }),
});

const message = (
  data: string,
  attributes: readonly (readonly [string, string])[] = [],
  orderingKey = '',
): SealableMessage => sealableMessage({ data: Buffer.from(data), attributes, orderingKey });

function withoutSchema(topic: Topic): Topic {
  const { schemaSettings: _settings, ...rest } = topic;
  return rest;
}

interface Bench {
  readonly harness: BrokerHarness;
  readonly topic: string;
  readonly subscription: string;
  /** From the oldest to the newest. */
  readonly revisionIds: readonly string[];
}

/** A topic whose schema has revisions with these fields. */
async function open(
  revisions: readonly (readonly string[])[],
  settings: (ids: readonly string[]) => Partial<SchemaSettings> = () => ({}),
): Promise<Bench> {
  const harness = await BrokerHarness.open();
  const { schemas } = harness.broker;
  const revisionIds: string[] = [];
  for (const fields of revisions) {
    const isFirst = revisionIds.length === 0;
    const definition = avro(...fields);
    const made = isFirst
      ? schemas.createSchema(schema, definition)
      : schemas.commitSchema(schema, definition);
    revisionIds.push((await harness.until(made)).revisionId);
  }
  const topic = await harness.createTopic('orders', {
    schemaSettings: { schema, encoding: 'JSON', ...settings(revisionIds) },
  });
  const subscription = await harness.createSubscription('billing', topic);
  return { harness, topic, subscription, revisionIds };
}

const publish = async (
  { harness, topic }: Bench,
  ...messages: readonly SealableMessage[]
): Promise<string[]> => await harness.until(harness.broker.publish(topic, messages));

const violation = expect.objectContaining({
  code: 'INVALID_ARGUMENT',
  reason: 'INVALID_JSON_AVRO_MESSAGE',
  message: 'Invalid data in message: Message failed schema validation.',
}) as unknown;

/** The revisions that the messages say they conform to. */
async function stampsOf({ harness, subscription }: Bench): Promise<(string | undefined)[]> {
  const received = await harness.pull(subscription);
  return received.map(({ bytes }) =>
    new Map(decodeMessage(bytes).attributes).get('googclient_schemarevisionid'),
  );
}

describe('a topic with a schema', () => {
  test('takes what conforms, says to what, and replaces what a publisher said of that', async () => {
    const bench = await open([['a']]);
    const claimed = [
      ['googclient_schemaname', 'mine'],
      ['kind', 'new'],
      ['googclient_schemarevisionid', '00000000'],
    ] as const;
    await publish(bench, message('{"a":"1"}', claimed, 'key'));
    const [received] = await bench.harness.pull(bench.subscription);
    const { data, attributes, orderingKey } = decodeMessage(received!.bytes);
    expect([Buffer.from(data).toString(), orderingKey]).toEqual(['{"a":"1"}', 'key']);
    expect(Object.fromEntries(attributes)).toEqual({
      kind: 'new',
      googclient_schemaname: schema,
      googclient_schemarevisionid: bench.revisionIds[0],
      googclient_schemaencoding: 'JSON',
    });
    await bench.harness.close();
  });

  test('refuses a whole request for one message, and says why', async () => {
    const bench = await open([['a']]);
    const { harness, subscription, topic, revisionIds } = bench;
    const bad = publish(bench, message('{"a":"1"}'), message('{"b":"1"}'), message('{"a":"2"}'));
    await expect(bad).rejects.toEqual(violation);
    await expect(bad).rejects.toMatchObject({
      details: [
        {
          metadata: {
            revisionInfo: expect.stringContaining(
              `Could not validate message with any schema revision for schema: ${schema}, last checked revision: revision_id=${revisionIds[0]} failed with status: `,
            ) as string,
          },
        },
      ],
    });
    expect(await harness.pull(subscription)).toEqual([]);
    expect(await publish(bench, message('{"a":"3"}'))).toHaveLength(1);
    expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['{"a":"3"}']);
    expect(harness.broker.getTopic(topic)).toBeDefined();
    await harness.close();
  });

  test('asks the newest revision first, and within its bounds alone', async () => {
    const all = [['a'], ['a', 'b'], ['a', 'b', 'c']];
    const bench = await open(all, ([one, two]) => ({
      firstRevisionId: one!,
      lastRevisionId: two!,
    }));
    const [one, two] = bench.revisionIds;
    await publish(bench, message('{"a":"1"}'), message('{"a":"1","b":"2"}'));
    expect(await stampsOf(bench)).toEqual([one, two]);
    await expect(publish(bench, message('{"a":"1","b":"2","c":"3"}'))).rejects.toEqual(violation);
    await bench.harness.close();
  });

  test('keeps the bounds of revisions that were deleted, and what lies between', async () => {
    const all = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']];
    const bench = await open(all, ([one, , three]) => ({
      firstRevisionId: one!,
      lastRevisionId: three!,
    }));
    const { harness, topic, revisionIds } = bench;
    const { schemas } = harness.broker;
    for (const at of [0, 2]) {
      await harness.until(schemas.deleteSchemaRevision(`${schema}@${revisionIds[at]}`));
    }
    await harness.restart();
    await publish(bench, message('{"a":"1","b":"2"}'));
    expect(await stampsOf(bench)).toEqual([revisionIds[1]]);
    const beyond = publish(bench, message('{"a":"1","b":"2","c":"3","d":"4"}'));
    await expect(beyond).rejects.toEqual(violation);
    // A change of another field, or of the other bound, repeats the bound that is gone.
    const update = harness.broker.updateTopic(
      topic,
      (stored) => ({
        ...stored,
        schemaSettings: { ...stored.schemaSettings!, firstRevisionId: revisionIds[1]! },
      }),
      ['schema_settings'],
    );
    expect(await harness.until(update)).toMatchObject({
      schemaSettings: { firstRevisionId: revisionIds[1], lastRevisionId: revisionIds[2] },
    });
    await harness.until(harness.broker.schemas.deleteSchemaRevision(`${schema}@${revisionIds[1]}`));
    await expect(publish(bench, message('{"a":"1"}'))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'SCHEMA_REVISIONS_DELETED',
    });
    await harness.close();
  });

  test('takes a new revision at once', async () => {
    const bench = await open([['a']]);
    const { harness } = bench;
    await expect(publish(bench, message('{"b":"1"}'))).rejects.toEqual(violation);
    const two = await harness.until(harness.broker.schemas.commitSchema(schema, avro('a', 'b')));
    await publish(bench, message('{"a":"","b":"1"}'));
    expect(await stampsOf(bench)).toEqual([two.revisionId]);
    await harness.close();
  });

  test('takes nothing once its schema is deleted, whatever is created in its name', async () => {
    const bench = await open([['a']]);
    const { harness, topic } = bench;
    const gone = { code: 'NOT_FOUND', message: 'Schema associated with topic deleted.' };
    await publish(bench, message('{"a":"1"}'));
    await harness.until(harness.broker.schemas.deleteSchema(schema));
    await expect(publish(bench, message('{"a":"1"}'))).rejects.toMatchObject(gone);
    await harness.until(harness.broker.schemas.createSchema(schema, avro('a')));
    await harness.restart();
    await expect(publish(bench, message('{"a":"1"}'))).rejects.toMatchObject(gone);
    const shown = { schemaSettings: { schema: '_deleted-schema_', encoding: 'JSON' } };
    expect(await harness.broker.getTopic(topic)).toMatchObject(shown);
    expect((await harness.broker.listTopics(project, everything)).items).toMatchObject([shown]);
    const labelled = await harness.until(
      harness.broker.updateTopic(topic, (stored) => ({ ...stored, labels: { a: 'b' } }), [
        'labels',
      ]),
    );
    expect(labelled).toMatchObject({ ...shown, labels: { a: 'b' } });
    const settings = { schema, encoding: 'JSON' } as const;
    await harness.until(
      harness.broker.updateTopic(topic, (stored) => ({ ...stored, schemaSettings: settings }), [
        'schema_settings',
      ]),
    );
    await publish(bench, message('{"a":"2"}'));
    const dropped = await harness.until(
      harness.broker.updateTopic(topic, withoutSchema, ['schema_settings']),
    );
    expect(dropped.schemaSettings).toBeUndefined();
    await publish(bench, message('anything'));
    expect((await harness.pull(bench.subscription)).map(({ text }) => text)).toEqual([
      '{"a":"1"}',
      '{"a":"2"}',
      'anything',
    ]);
    await harness.close();
  });

  test('needs a schema, revisions that it has, and in their order', async () => {
    const bench = await open([['a'], ['a', 'b']]);
    const { harness, revisionIds } = bench;
    const create = async (settings: Partial<SchemaSettings>): Promise<unknown> =>
      await harness.createTopic('other', {
        schemaSettings: { schema, encoding: 'JSON', ...settings },
      });
    await expect(create({ schema: `${schema}s` })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'Resource not found (resource=shapes).',
    });
    await expect(create({ firstRevisionId: '00000000' })).rejects.toMatchObject({
      message: 'Resource not found (resource=shape@00000000).',
    });
    const [firstRevisionId, lastRevisionId] = revisionIds.toReversed();
    await expect(
      create({ firstRevisionId: firstRevisionId!, lastRevisionId: lastRevisionId! }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('must not be newer') as string,
    });
    await expect(harness.broker.getTopic(topicName('other'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await harness.close();
  });

  test('keeps the order of requests that come before a revision is compiled, and after', async () => {
    const bench = await open([['a'], ['a', 'b']]);
    const { harness, topic } = bench;
    // Nothing is compiled yet after a restart.
    await harness.restart();
    const texts = ['{"a":"0"}', '{"a":"1","b":"1"}', '{"a":"2"}', '{"a":"3","b":"3"}'];
    const ids = await harness.until(
      Promise.all(texts.map((text) => harness.broker.publish(topic, [message(text, [], 'k')]))),
    );
    expect(ids.flat()).toEqual(ids.flat().toSorted());
    const pulled = await harness.pull(bench.subscription);
    expect(pulled.map(({ text }) => text)).toEqual(texts);
    await harness.close();
  });

  test('that loses its schema or revisions while a publish waits for them says so', async () => {
    const bench = await open([['a'], ['a', 'b']]);
    const { harness, revisionIds } = bench;
    await harness.restart();
    const { schemas } = harness.broker;
    const [first, , second] = await harness.until(
      Promise.allSettled([
        harness.broker.publish(bench.topic, [message('{"a":"1"}')]),
        schemas.deleteSchemaRevision(`${schema}@${revisionIds[0]}`),
        harness.broker.publish(bench.topic, [message('{"a":"1"}')]),
      ]),
    );
    for (const { status, ...rest } of [first, second]) {
      if (status === 'rejected') expect(rest).toEqual({ reason: violation });
    }
    await expect(publish(bench, message('{"a":"1"}'))).rejects.toEqual(violation);
    await harness.restart();
    const gone = { code: 'NOT_FOUND', reason: 'SCHEMA_DELETED' };
    const [waited, deleted] = await harness.until(
      Promise.allSettled([
        harness.broker.publish(bench.topic, [message('{"a":"1","b":"2"}')]),
        harness.broker.schemas.deleteSchema(schema),
      ]),
    );
    expect(deleted.status).toBe('fulfilled');
    if (waited.status === 'rejected') expect(waited.reason).toMatchObject(gone);
    await expect(publish(bench, message('{"a":"1","b":"2"}'))).rejects.toMatchObject(gone);
    await harness.close();
  });

  test('is one that asks for it: others leave messages as they are', async () => {
    const harness = await BrokerHarness.open();
    const topic = await harness.createTopic('plain');
    const subscription = await harness.createSubscription('billing', topic);
    await harness.publish(topic, 'no schema');
    const [received] = await harness.pull(subscription);
    expect(decodeMessage(received!.bytes).attributes).toEqual([]);
    await harness.close();
  });
});

describe('a dead letter', () => {
  async function openLetters(): Promise<{
    harness: BrokerHarness;
    source: string;
    graves: string;
    subscription: string;
  }> {
    const harness = await BrokerHarness.open();
    const source = await harness.createTopic('source');
    await harness.until(harness.broker.schemas.createSchema(schema, avro('a')));
    const settings = { schema, encoding: 'JSON' } as const;
    const target = await harness.createTopic('letters', { schemaSettings: settings });
    const graves = await harness.createSubscription('graves', target);
    const subscription = await harness.createSubscription('kitchen', source, {
      deadLetterPolicy: { deadLetterTopic: target, maxDeliveryAttempts: 5 },
    });
    return { harness, source, graves, subscription };
  }

  async function failOften(harness: BrokerHarness, subscription: string): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const ackIds = (await harness.pull(subscription)).map(({ ackId }) => ackId);
      await harness.until(harness.broker.modifyAckDeadline(subscription, ackIds, 0));
    }
  }

  test('says what it conforms to in its new topic', async () => {
    const { harness, source, graves, subscription } = await openLetters();
    await harness.publish(source, '{"a":"1"}');
    await failOften(harness, subscription);
    await expect.poll(async () => (await harness.pull(graves)).length).toBe(1);
    expect(await harness.pull(subscription)).toEqual([]);
    await harness.close();
  });

  test('that does not conform stays, and the diagnosis says why', async () => {
    const { harness, source, graves, subscription } = await openLetters();
    await harness.publish(source, 'no json');
    await failOften(harness, subscription);
    const refused = expect.objectContaining({
      reason: 'DEAD_LETTERS_REFUSED',
      message: expect.stringContaining('Message failed schema validation') as string,
    }) as unknown;
    await expect
      .poll(async () => {
        const { findings } = await harness.until(harness.broker.diagnoseSubscription(subscription));
        return findings;
      })
      .toContainEqual(refused);
    expect(await harness.pull(graves)).toEqual([]);
    expect((await harness.pull(subscription)).map(({ text }) => text)).toEqual(['no json']);
    await harness.close();
  });
});
