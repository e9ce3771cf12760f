import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { FaultPlan, openMemoryKeyStore } from '../../storage/index.ts';
import type { TopicRow } from '../catalog/catalog-rows.ts';
import { PendingBudget } from '../lanes/lane.ts';
import { sealableMessage } from '../wire/index.ts';
import { CompiledRevisions } from './compiled-revisions.ts';
import { SchemaCatalog } from './schema-catalog.ts';
import type { RevisionHead, SchemaRow } from './schema-rows.ts';
import { TopicSchema } from './topic-schema.ts';

const name = 'projects/p/schemas/shape';
const field = (of: string): object => ({ name: of, type: 'string', default: '' });
const definition = (of: string): string =>
  JSON.stringify({ type: 'record', name: 'R', fields: [field('text'), field(of)] });

/** A topic whose schema has these revisions, all of them compiled. */
async function open(...fields: readonly string[]): Promise<{
  clock: VirtualClock;
  events: string[];
  publish: (text: string, of: string) => Promise<string[]>;
}> {
  const clock = new VirtualClock();
  const schemas = new SchemaCatalog(openMemoryKeyStore({ clock, faults: new FaultPlan() }));
  const compiledRevisions = new CompiledRevisions(schemas);
  let row: SchemaRow = { name, uid: 'aa', type: 'AVRO', revisions: [], nextOrdinal: 0 };
  for (const [ordinal, of] of fields.entries()) {
    const head: RevisionHead = { id: `0000000${ordinal}`, ordinal, createTimeMs: 0, bytes: 99 };
    row = { ...row, revisions: [...row.revisions, head] };
    await schemas.add(row, head, { type: 'AVRO', definition: definition(of) });
    await compiledRevisions.load(row, head);
  }
  const pending = new PendingBudget();
  const topic = new TopicSchema({ schemas, compiledRevisions, pending, clock });
  const schemaSettings = { schema: name, encoding: 'JSON' };
  const topicRow = { schemaSettings, schemaUid: 'aa' } as TopicRow;
  const events: string[] = [];
  const publish = async (text: string, of: string): Promise<string[]> => {
    const data = Buffer.from(JSON.stringify({ text, [of]: '' }));
    const message = sealableMessage({ data, attributes: [], orderingKey: '' });
    return await topic.publish(
      () => topicRow,
      [message],
      async (messages) => {
        events.push(`published ${messages[0]!.bytes.length > 10_000 ? 'long' : 'short'}`);
        return ['1'];
      },
    );
  };
  return { clock, events, publish };
}

const long = 'x'.repeat(700_000);

test('between the revisions that a long message is held against, others have their turn', async () => {
  const { clock, events, publish } = await open('oldest', 'older', 'newest');
  const first = publish(long, 'oldest');
  clock.soon(() => events.push('another'));
  const second = publish('x', 'newest');
  await clock.settle();
  await Promise.all([first, second]);
  expect(events).toEqual(['another', 'published long', 'published short']);
  await publish('x', 'newest');
  expect(events.at(-1)).toBe('published short');
});

test('one that conforms to none is refused in its turn, and holds up nobody', async () => {
  const { clock, events, publish } = await open('oldest', 'older', 'newest');
  const first = publish(long, 'unknown').catch((error: { reason: string }) => error.reason);
  const second = publish('x', 'oldest');
  await clock.settle();
  expect(await first).toBe('INVALID_JSON_AVRO_MESSAGE');
  await second;
  expect(events).toEqual(['published short']);
});
