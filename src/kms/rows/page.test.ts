import { afterAll, beforeAll, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testSuites } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { draw, noFailpoints, silentLogger } from '../../runtime/index.ts';
import { type KeyStore, openLmdbKeyStore } from '../../storage/index.ts';
import { keyRingFields } from '../lists/list-fields.ts';
import { RecordKey } from '../root/record-key.ts';
import { type ListContext, type Page, pageOfRows } from './page.ts';
import { keyRingTable } from './records.ts';
import { rowWrite, SealedRows } from './sealed-rows.ts';

const rowCount = 20_300;
const under = 'projects/p/locations/global/keyRings/';
const directory = mkdtempSync(join(tmpdir(), 'sealpost-page-'));
let keyStore: KeyStore;
let context: ListContext;

beforeAll(async () => {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(3);
  const log = silentLogger;
  keyStore = await openLmdbKeyStore({ path: directory, clock, log, failpoints: noFailpoints });
  const key = new RecordKey(draw(entropy, 32), testSuites, entropy);
  const rows = new SealedRows(keyStore, key);
  const ids = Array.from({ length: rowCount }, (_, i) => under + String(i).padStart(5, '0'));
  await rows.commit(
    ids.map((id) => rowWrite(keyRingTable, { id, version: 0 }, { createTimeMs: 0 })),
  );
  context = { rows, clock };
}, 60_000);

afterAll(async () => {
  await keyStore.close();
  rmSync(directory, { recursive: true });
});

function page(filter: string, pageToken: string, orderBy: string = ''): Promise<Page<string>> {
  const request = { pageSize: 3, pageToken, filter, orderBy };
  return pageOfRows(context, keyRingTable, under, request, {
    fields: (path) => {
      const field = keyRingFields(path);
      return field && { ...field, read: (id: string) => id };
    },
    view: ({ id }) => id.slice(under.length),
  });
}

test('a page looks through 20,000 rows, and its token goes on behind them', async () => {
  const first = await page('name:"202"', '');
  expect(first.items).toEqual(['00202', '01202', '02020']);
  expect((await page('name="20299"', '')).items).toEqual([]);
  const { nextPageToken } = await page('name="20299"', '');
  expect(nextPageToken).not.toBe('');
  expect(await page('name="20299"', nextPageToken)).toEqual({
    items: ['20299'],
    nextPageToken: '',
  });
});

test.each(['', 'name desc'])('others have their turn while it looks: %j', async (orderBy) => {
  let turns = 0;
  let isDone = false;
  const turn = (): void => {
    turns++;
    if (!isDone) context.clock.soon(turn);
  };
  context.clock.soon(turn);
  await page('name="none"', '', orderBy);
  isDone = true;
  expect(turns).toBeGreaterThan(90);
});
