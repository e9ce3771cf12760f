import { expect, test } from 'vitest';

import { openSealedMeta } from '../../envelope/index.ts';
import { openMemoryStore, type MetaStore } from '../../storage/index.ts';
import { testSuites } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { verifiedPart } from '../../../test/support/verified-part.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { keyRowsVerifiable } from './key-rows-verifiable.ts';
import { encodeKeyState, keyStateRowKey } from './key-state-rows.ts';
import { encodeShutdown, shutdownRowKey } from './shutdown-rows.ts';

const place = { project: 'p', key: 'projects/p/locations/l/keyRings/r/cryptoKeys/k' };
const revision = { project: 'p', location: 'l', serviceId: 's', revisionId: 's-1' };
const state = { condition: 'ENABLED', message: '', sinceMs: 1, checkedMs: 2 } as const;

async function open() {
  const clock = new VirtualClock();
  const rows = openMemoryStore({ clock }).meta;
  const key = testSuites.preferred.importKey(new Uint8Array(32).fill(1));
  const meta = openSealedMeta({ inner: rows, key, entropy: new SeededEntropy(2) });
  const put = (target: MetaStore, name: string, value: Uint8Array): Promise<boolean> =>
    target.txn([], [{ key: name, value }]);
  await put(meta, keyStateRowKey(place), encodeKeyState({ place, state, refused: [] }));
  const shutdown = { revision, key: place.key, cause: 'disabled', deadlineMs: 5 } as const;
  await put(meta, shutdownRowKey(revision), encodeShutdown({ ...shutdown, isDone: false }));
  return { rows, meta, put, part: keyRowsVerifiable({ rows, meta, clock }) };
}

test('whole rows pass', async () => {
  const { part } = await open();
  expect(await verifiedPart(part)).toMatchObject({ expected: 2, passed: 2, damaged: [] });
});

test('rows that were changed, moved, or are of another kind are found', async () => {
  const { rows, meta, put, part } = await open();
  const stateRow = await rows.get(keyStateRowKey(place));
  await put(rows, keyStateRowKey({ ...place, project: 'q' }), stateRow!.value);
  const shutdownRow = (await rows.get(shutdownRowKey(revision)))!.value.slice();
  shutdownRow[40]! ^= 1;
  await put(rows, shutdownRowKey(revision), shutdownRow);
  await put(meta, keyStateRowKey({ ...place, project: 'r' }), new TextEncoder().encode('{}'));
  const { damaged, passed } = await verifiedPart(part);
  expect(passed).toBe(1);
  expect(damaged).toEqual([
    expect.stringMatching(/^vault\/key-state\/q\/.*is damaged/),
    expect.stringMatching(/^vault\/key-state\/r\/.*it is no row of this kind$/),
    expect.stringMatching(/^vault\/shutdown\/.*is damaged/),
  ]);
});
