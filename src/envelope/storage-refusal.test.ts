import { describe, expect, test } from 'vitest';
import { openScriptedBench, sealedTopic } from '../../test/support/dek-bench.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { RpcError } from '../rpc/index.ts';
import {
  FaultPlan,
  openMemoryKeyStore,
  StorageError,
  type StorageFault,
} from '../storage/index.ts';
import { storageRefusal } from './index.ts';

const answers: readonly (readonly [StorageFault, string, string])[] = [
  ['full', 'RESOURCE_EXHAUSTED', 'DISK_FULL'],
  ['readOnly', 'UNAVAILABLE', 'DISK_READ_ONLY'],
  ['io', 'UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
  ['closed', 'UNAVAILABLE', 'STORAGE_UNAVAILABLE'],
];
const hourMs = 3_600_000;
const topic = sealedTopic();

test.each(answers)('the fault %s of the storage is %s %s', (fault, code, reason) => {
  const error = new StorageError(fault, 'planned');
  expect(storageRefusal(error)).toMatchObject({ code, reason, cause: error });
});

test('an error that is no refusal of the storage stays what it is', () => {
  const known = new RpcError('NOT_FOUND', 'GONE', 'gone');
  expect(storageRefusal(known)).toBe(known);
  expect(storageRefusal(new Error('surprise'))).toMatchObject({ code: 'INTERNAL' });
});

describe('a DEK that cannot be stored', () => {
  test.each(answers)('for the fault %s is refused with %s %s, and made later', async (...row) => {
    const [fault, code, reason] = row;
    const clock = new VirtualClock();
    const faults = new FaultPlan();
    const rows = openMemoryKeyStore({ clock, faults });
    const { manager, settled } = await openScriptedBench({ clock, rows });
    await settled(manager.forSeal(topic));
    await clock.advance(7 * hourMs);
    faults.next(fault);
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({ code, reason });
    expect(faults.pendingCount).toBe(0);
    expect(await settled(manager.forSeal(topic))).toMatchObject({ version: 2, isAlive: true });
  });

  test('nobody knows whether it was: the same, and the version is not used twice', async () => {
    const clock = new VirtualClock();
    const faults = new FaultPlan();
    const rows = openMemoryKeyStore({ clock, faults });
    const { manager, settled } = await openScriptedBench({ clock, rows });
    faults.next('unknown-landed');
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'STORAGE_UNAVAILABLE',
    });
    expect(await settled(manager.forSeal(topic))).toMatchObject({ version: 1, isAlive: true });
    expect(await rows.list('dek/')).toHaveLength(1);
  });
});

test('a topic whose DEKs cannot be erased says that the storage refused', async () => {
  const clock = new VirtualClock();
  const faults = new FaultPlan();
  const rows = openMemoryKeyStore({ clock, faults });
  const { manager, settled } = await openScriptedBench({ clock, rows });
  await settled(manager.forSeal(topic));
  faults.next('io');
  await expect(manager.forget(topic)).rejects.toMatchObject({ reason: 'STORAGE_UNAVAILABLE' });
});
