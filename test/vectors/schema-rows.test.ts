import { expect, test } from 'vitest';

import { SchemaCatalog } from '../../src/broker/schemas/schema-catalog.ts';
import type { SchemaRow } from '../../src/broker/schemas/schema-rows.ts';
import { openRows, type CatalogRow } from './catalog-rows.ts';
import { readGolden } from './golden-file.ts';
import { storedSchema } from './schema-rows.ts';

const { rows } = readGolden('schema-rows-1.json') as { readonly rows: readonly CatalogRow[] };

test('schemas, revisions and topics bound to them are written as they always were', async () => {
  expect(await storedSchema()).toEqual(rows);
});

test('and are read back as they were written', async () => {
  const meta = openRows();
  const puts = rows.map(({ key, text }) => ({ key, value: new Uint8Array(Buffer.from(text)) }));
  await meta.txn([], puts);
  const catalog = new SchemaCatalog(meta);
  await catalog.load();
  const golden = rows.find(({ key }) => key.startsWith('schema/'))!;
  const row = catalog.schema('projects/p/schemas/shape');
  expect(row).toEqual(JSON.parse(golden.text) as SchemaRow);
  const [first, second] = row.revisions;
  expect(await catalog.definition(row, first!)).toEqual({
    type: 'PROTOCOL_BUFFER',
    definition: 'message Shape { … }',
  });
  expect(await catalog.definition(row, second!)).toEqual({
    type: 'PROTOCOL_BUFFER',
    definition: '',
    compiled: { rootMessage: 'Shape', bytes: new Uint8Array([1, 2, 3, 255]) },
  });
});
