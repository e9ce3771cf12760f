import { expect, test } from 'vitest';

import { Catalog } from '../../src/broker/catalog/catalog.ts';
import { decodeRow } from '../../src/broker/catalog/catalog-rows.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { catalogued, openRows, type CatalogRow } from './catalog-rows.ts';
import { readGolden } from './golden-file.ts';

const { rows } = readGolden('catalog-rows-1.json') as { readonly rows: readonly CatalogRow[] };

const bytesOf = ({ text }: CatalogRow): Uint8Array => new Uint8Array(Buffer.from(text));

test('topics, subscriptions, detached ones and snapshots are written as they always were', async () => {
  expect(await catalogued()).toEqual(rows);
});

test('and are read back as they were written', async () => {
  const meta = openRows();
  const checks = rows.map(({ key }) => ({ key, version: 0 }));
  const puts = rows.map((row) => ({ key: row.key, value: bytesOf(row) }));
  expect(await meta.txn(checks, puts)).toBe(true);
  const of = (prefix: string): unknown[] =>
    rows.filter(({ key }) => key.startsWith(prefix)).map((row) => decodeRow(bytesOf(row)));
  expect(await new Catalog(meta, new SeededEntropy(1)).load()).toEqual({
    topics: of('topic/'),
    deletedTopics: of('deleted-topic/'),
    subscriptions: of('subscription/'),
    snapshots: of('snapshot/'),
    doomedLogs: of('doomed-log/'),
  });
  expect(of('subscription/')).toHaveLength(2);
  expect(of('snapshot/')).toHaveLength(1);
});
