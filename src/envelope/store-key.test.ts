import { describe, expect, test } from 'vitest';
import { associatedData, openRecord, sealRecord, suiteIds } from '../crypto/index.ts';
import { SystemEntropy } from '../runtime/index.ts';
import { RpcError } from '../rpc/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../storage/index.ts';
import { testProviders } from '../../test/support/dek-bench.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { createRecordSealer } from './record-sealer.ts';
import { openStoreKey, type StoreKey, type StoreKeyOptions } from './store-key.ts';

const entropy = new SystemEntropy();
const place = { log: 3, at: 40, epoch: 5, kind: 2 };

/** The root key's contract over a fixed key: purposes are bound. */
function rootKey(fill: number): StoreKeyOptions['rootKey'] {
  const key = new Uint8Array(32).fill(fill);
  return {
    wrapKey: (bytes, purpose) => sealRecord(key, associatedData([purpose]), bytes, entropy),
    unwrapKey(wrapped, purpose) {
      const bytes = openRecord(key, associatedData([purpose]), wrapped);
      if (bytes === null) throw new RpcError('DATA_LOSS', 'ROOT', 'wrong root key');
      return bytes;
    },
  };
}

function open(rows: KeyStore, fill: number = 1): Promise<StoreKey> {
  const providers = testProviders();
  return openStoreKey({ rows, rootKey: rootKey(fill), entropy, providers });
}

const newRows = (): KeyStore => openMemoryKeyStore({ clock: new VirtualClock() });

describe('store key', () => {
  test('is made once and found again, by all who open at the same time', async () => {
    const rows = newRows();
    const [one, other] = await Promise.all([open(rows), open(rows)]);
    const again = await open(rows);
    const derived = [one, other, again].map((key) => key.deriveKey('ack ids'));
    expect(derived[1]).toEqual(derived[0]);
    expect(derived[2]).toEqual(derived[0]);
    const sealed = createRecordSealer({ key: one.aead, entropy }).seal(Uint8Array.of(1), place);
    const sealer = createRecordSealer({ key: again.aead, entropy });
    expect(sealer.open(sealed, place)).toEqual(Uint8Array.of(1));
    expect(await rows.list('')).toHaveLength(1);
  });

  test('gives another key for each purpose, and none of them is stored', async () => {
    const rows = newRows();
    const key = await open(rows);
    const derived = ['ack ids', 'page tokens'].map((purpose) => key.deriveKey(purpose));
    expect(derived[0]).toHaveLength(32);
    expect(derived[0]).not.toEqual(derived[1]);
    const row = Buffer.from((await rows.get('store-key/1'))!.value);
    for (const bytes of derived) expect(row.includes(Buffer.from(bytes))).toBe(false);
  });

  test('stays with the suite that it was made with, which the row binds', async () => {
    const rows = newRows();
    expect((await open(rows)).aead.suite).toBe(suiteIds.xaes256Gcm);
    const { value } = (await rows.get('store-key/1'))!;
    const changed = Uint8Array.of(suiteIds.xchacha20Poly1305, ...value.subarray(1));
    await rows.txn([], [{ key: 'store-key/1', value: changed }]);
    await expect(open(rows)).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });

  test('does not open under another root key', async () => {
    const rows = newRows();
    await open(rows);
    await expect(open(rows, 2)).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });
});

describe('acknowledgement records', () => {
  test.each([
    ['log', { ...place, log: 4 }],
    ['place', { ...place, at: 41 }],
    ['epoch', { ...place, epoch: 6 }],
    ['kind', { ...place, kind: 3 }],
  ])('do not open at another %s', async (_, elsewhere) => {
    const { aead } = await open(newRows());
    const sealer = createRecordSealer({ key: aead, entropy });
    const plaintext = Uint8Array.of(1, 2, 3);
    const sealed = sealer.seal(plaintext, place);
    expect(sealer.open(sealed, place)).toEqual(plaintext);
    expect(() => sealer.open(sealed, elsewhere)).toThrow(RpcError);
  });

  test('have 41 bytes beyond their plaintext, and never the same bytes twice', async () => {
    const { aead } = await open(newRows());
    const sealer = createRecordSealer({ key: aead, entropy });
    const [one, other] = [0, 1].map(() => sealer.seal(new Uint8Array(10), place));
    expect(one).toHaveLength(10 + 41);
    expect(one).not.toEqual(other);
  });

  test('every flipped bit is DATA_LOSS', async () => {
    const { aead } = await open(newRows());
    const sealer = createRecordSealer({ key: aead, entropy });
    const sealed = sealer.seal(Uint8Array.of(1, 2, 3), place);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => sealer.open(changed, place)).toThrow('damaged');
    }
  });
});
