import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  keyName,
  openKmsBench,
  privateDirectory,
  ringName,
  testSuites,
} from '../../../test/support/embedded-kms.ts';
import { operator, operatorOf } from '../../../test/support/operator-keys.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { TamperedKeyStore } from '../../../test/support/tampered-key-store.ts';
import { type VerifiedPart, verifiedPart } from '../../../test/support/verified-part.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../runtime/index.ts';
import type { KeyStore } from '../../storage/index.ts';
import { openFileRootKey } from '../root/open-root-key.ts';
import type { RootKey } from '../root/root-key.ts';
import { versionRowId } from '../rows/records.ts';
import { keyVerifiable } from './key-verifiable.ts';

const dayMs = 24 * 3_600_000;
const versionRow = (number: number): string => `kms/version/${versionRowId(keyName, number)}`;

let rootKey: RootKey;
let rootKeyPath: string;
let stored: KeyStore;
let store: TamperedKeyStore;
/** Every row that this part looks at. */
let rowKeys: readonly string[];

beforeEach(async () => {
  rootKeyPath = join(privateDirectory(), 'root-key');
  rootKey = openFileRootKey({
    path: rootKeyPath,
    dataDir: '/nonexistent/sealpost-data',
    suites: testSuites,
    entropy: new SeededEntropy(5),
    log: silentLogger,
  });
  const { service, keyStore, clock } = await openKmsBench({ rootKey });
  const admin = operatorOf(service);
  for (let number = 2; number <= 4; number++) await admin.versions.create(keyName);
  await service.destroyVersion(`${keyName}/cryptoKeyVersions/3`, false, operator);
  await service.destroyVersion(`${keyName}/cryptoKeyVersions/4`, false, operator);
  const gone = { parent: ringName, id: 'gone', labels: {}, skipInitialVersion: true };
  await service.deleteCryptoKey((await admin.cryptoKeys.create(gone)).name, operator);
  await service.setIamPolicy(keyName, { version: 1, bindings: [] }, operator);
  await service.pubsubServiceAgent('p');
  await clock.advance(31 * dayMs);
  await service.lifecycle.idle();
  await service.deleteVersion(`${keyName}/cryptoKeyVersions/4`, operator);
  await service.close();
  stored = keyStore;
  store = new TamperedKeyStore(stored);
  rowKeys = (await stored.list('')).map(({ key }) => key);
});

function verified(): Promise<VerifiedPart> {
  return verifiedPart(
    keyVerifiable({
      keyStore: store,
      rootKey,
      rootKeyPath,
      suites: testSuites,
      clock: new VirtualClock(),
      entropy: new SeededEntropy(2),
      wrapped: [{ prefix: 'wrapped/', wrapAt: 1, purpose: ({ key }) => key }],
      elsewhere: ['dek/'],
    }),
  );
}

/** What is damaged when each row's key is damaged: nothing else can be looked into. */
const isNoticed = ({ damaged }: VerifiedPart, key: string): boolean =>
  damaged.some((line) => line.startsWith(`${key}: `));

describe('a verification of the keys', () => {
  test('authenticates every row of the key service, and the root key', async () => {
    const tables = new Set(rowKeys.map((key) => key.split('/', 2).join('/')));
    const some = ['row-key', 'ring', 'key', 'version', 'retired', 'retired-name', 'policy'];
    for (const table of some) expect(tables).toContain(`kms/${table}`);
    const part = await verified();
    expect(part).toMatchObject({ damaged: [], unread: [] });
    expect(part.passed).toBe(rowKeys.length + 1);
    expect(part.expected).toBe(part.passed);
    const sizes = (await stored.list('')).map(({ value }) => value.length);
    expect(part.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test('any flipped bit of any row is found', async () => {
    for (const key of rowKeys) {
      const { value } = (await stored.get(key))!;
      const bits = [0, 7, value.length * 4, value.length * 8 - 1];
      for (const bit of [...bits, ...fc.sample(fc.nat(value.length * 8 - 1), 6)]) {
        store.changed.clear();
        await store.flip(key, bit);
        expect(isNoticed(await verified(), key), `bit ${bit} of ${key}`).toBe(true);
      }
    }
  });

  test('any swap of two rows is found in both places', async () => {
    for (const a of rowKeys) {
      for (const b of rowKeys) {
        if (a >= b) continue;
        store.changed.clear();
        await store.swap(a, b);
        const part = await verified();
        const isSeen = (key: string): boolean =>
          isNoticed(part, key) || part.unread.some((line) => line.startsWith(`${key}: `));
        expect([isSeen(a), isSeen(b)], `${a} and ${b}`).toEqual([true, true]);
      }
    }
  });

  test.each([1, 2, 3])('the missing row of version %i is found: its key counts', async (number) => {
    store.changed.set(versionRow(number), null);
    const { damaged } = await verified();
    const missing = `${keyName}/cryptoKeyVersions/${number} is missing, and was never deleted`;
    expect(damaged[0]).toBe(`kms/key/${keyName}: ${missing}`);
  });

  test('a deleted version is missed once its RetiredResource is gone too', async () => {
    for (const key of rowKeys) if (key.startsWith('kms/retired/')) store.changed.set(key, null);
    expect((await verified()).damaged).toEqual([
      expect.stringContaining(`${keyName}/cryptoKeyVersions/4 is missing`),
      expect.stringMatching(/^kms\/retired-name\/.*\/cryptoKeys\/gone: .* is missing$/),
    ]);
  });

  test.each(['key', 'ring', 'retired-name', 'project', 'project-number', 'row-key'])(
    'a row of kms/%s that is gone is missed',
    async (table) => {
      for (const key of rowKeys) {
        const isOf = key === `kms/${table}` || key.startsWith(`kms/${table}/`);
        if (!isOf) continue;
        store.changed.clear();
        store.changed.set(key, null);
        expect((await verified()).damaged, key).not.toEqual([]);
      }
    },
  );

  test('a version beyond those that its key counts is found', async () => {
    await store.move(versionRow(2), versionRow(5));
    expect(isNoticed(await verified(), versionRow(5))).toBe(true);
  });

  test('a row where none is ever written is found', async () => {
    store.changed.set('kms/odd', { key: 'kms/odd', value: Uint8Array.of(1), version: 1 });
    expect((await verified()).damaged).toEqual(['kms/odd: no such row is ever written']);
  });

  test('rows of others that the root key wraps are unwrapped, changed ones found', async () => {
    const wrapped = rootKey.wrapKey(new Uint8Array(32), 'wrapped/1');
    const row = { key: 'wrapped/1', value: Uint8Array.of(9, ...wrapped), version: 1 };
    store.changed.set(row.key, row);
    expect((await verified()).damaged).toEqual([]);
    store.changed.set('wrapped/2', { ...row, key: 'wrapped/2' });
    store.changed.set('wrapped/3', { ...row, key: 'wrapped/3', value: new Uint8Array(0) });
    const { damaged } = await verified();
    expect(damaged.map((line) => line.split(':')[0])).toEqual(['wrapped/2', 'wrapped/3']);
  });

  test('a changed root key file is found while the server runs', async () => {
    const bytes = readFileSync(rootKeyPath);
    bytes[40]! ^= 1;
    writeFileSync(rootKeyPath, bytes);
    expect((await verified()).damaged).toEqual([expect.stringContaining('is damaged')]);
  });

  test('under a damaged row key nothing is called good or damaged that cannot be opened', async () => {
    await store.flip('kms/row-key', 300);
    const { damaged, unread, passed } = await verified();
    expect([damaged.length, unread.length, passed]).toEqual([1, rowKeys.length - 1, 1]);
  });
});
