import { expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { RpcError } from '../../rpc/index.ts';
import { noFailpoints, silentLogger } from '../../runtime/index.ts';
import { openMemoryKeyStore } from '../../storage/index.ts';
import { encodeReceipt, type ErasureReceipt, receiptPrefix } from './dek-receipt.ts';
import { Erasure } from './erasure.ts';

const receipt = (dekVersion: number): ErasureReceipt => ({
  topicName: 'projects/p/topics/orders',
  topicUid: '01'.repeat(16),
  dekVersion,
  kekVersionName: 'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
  wrappedSha256: '00',
  createTimeMs: 1,
  eraseTimeMs: 2,
  sealedMessageCount: null,
});

test('a stop in the middle of an erasure is no error, and the next start tells the rest', async () => {
  const clock = new VirtualClock();
  const store = openMemoryKeyStore({ clock });
  for (const version of [1, 2]) {
    const key = `${receiptPrefix}${'01'.repeat(16)}/${String(version).padStart(10, '0')}`;
    await store.txn([], [{ key, value: encodeReceipt(receipt(version)) }]);
  }
  const errors: unknown[] = [];
  const log = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
  const told: number[] = [];
  const answer = Promise.withResolvers<void>();
  const ports = { store, clock, log, failpoints: noFailpoints };
  const first = new Erasure({
    ...ports,
    journal: { erased: () => answer.promise },
  });
  await first.resume();
  await clock.advance(1_000);
  first.close();
  answer.reject(new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', 'It is closed.'));
  await clock.settle();
  expect([errors, clock.pendingCount]).toEqual([[], 0]);
  const second = new Erasure({
    ...ports,
    journal: { erased: async ({ dekVersion }) => void told.push(dekVersion) },
  });
  await second.resume();
  await clock.advance(1_000);
  expect(told).toEqual([1, 2]);
  expect(await store.list('')).toEqual([]);
});
