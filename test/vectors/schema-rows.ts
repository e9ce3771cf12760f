import { Catalog } from '../../src/broker/catalog/catalog.ts';
import { SchemaCatalog } from '../../src/broker/schemas/schema-catalog.ts';
import type { RevisionHead, SchemaRow } from '../../src/broker/schemas/schema-rows.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { openRows, type CatalogRow } from './catalog-rows.ts';

const name = 'projects/p/schemas/shape';
const bytes = new Uint8Array([1, 2, 3, 255]);

const head = (ordinal: number): RevisionHead => ({
  id: `0000000${ordinal}`,
  ordinal,
  createTimeMs: 1_767_225_600_000 + ordinal,
  bytes: ordinal === 0 ? 24 : 4,
});

/** What a schema with a text and a compiled revision leaves in a store, and a topic bound to it. */
export async function storedSchema(): Promise<CatalogRow[]> {
  const meta = openRows();
  const schemas = new SchemaCatalog(meta);
  const type = 'PROTOCOL_BUFFER';
  const row: SchemaRow = {
    name,
    uid: '000102030405060708090a0b0c0d0e0f',
    type,
    revisions: [head(0)],
    nextOrdinal: 1,
  };
  await schemas.add(row, head(0), { type, definition: 'message Shape { … }' });
  const compiled = { rootMessage: 'Shape', bytes };
  const next = { ...row, revisions: [head(0), head(1)], nextOrdinal: 2 };
  await schemas.add(next, head(1), { type, definition: '', compiled });
  const schemaSettings = {
    schema: name,
    encoding: 'BINARY',
    firstRevisionId: head(0).id,
    lastRevisionId: head(1).id,
  } as const;
  await new Catalog(meta, new SeededEntropy(7)).createTopic(
    { name: 'projects/p/topics/orders', labels: {}, schemaSettings },
    { schemaUid: row.uid, schemaFirst: 0, schemaLast: 1 },
  );
  const stored = await meta.list('');
  return stored.map(({ key, value }) => ({ key, text: Buffer.from(value).toString() }));
}
