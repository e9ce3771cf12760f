import { beforeEach, describe, expect, test } from 'vitest';
import {
  keyName,
  type KmsBench,
  openKmsBench,
  ringName,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { silentLogger } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { KeyStore, MetaRow } from '../../storage/index.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';
import type { NewCryptoKey } from '../key-administration.ts';
import type { KeyCaller } from '../key-service.ts';
import type { KeyProvider, Material } from '../providers/key-provider.ts';

const bytes = new Uint8Array(32);
const newKey: NewCryptoKey = {
  parent: ringName,
  id: 'retired',
  purpose: 'ENCRYPT_DECRYPT',
  labels: {},
  versionTemplate: { protectionLevel: 'SOFTWARE' },
  destroyScheduledSeconds: 86_400,
  skipInitialVersion: true,
};

/** What others put in the place of rows, at the very version that a row is at. */
class TamperedStore implements KeyStore {
  readonly values = new Map<string, Uint8Array>();
  readonly #inner: KeyStore;

  constructor(inner: KeyStore) {
    this.#inner = inner;
  }

  async get(key: string): Promise<MetaRow | null> {
    const row = await this.#inner.get(key);
    return row && this.#tampered(row);
  }

  async list(prefix: string, options?: { after?: string; limit?: number }): Promise<MetaRow[]> {
    return (await this.#inner.list(prefix, options)).map((row) => this.#tampered(row));
  }

  txn: KeyStore['txn'] = (checks, puts) => this.#inner.txn(checks, puts);

  async compact(): Promise<void> {
    throw new Error('planned: so that the marker of a compaction stays');
  }

  close = (): Promise<void> => this.#inner.close();

  #tampered(row: MetaRow): MetaRow {
    return { ...row, value: this.values.get(row.key) ?? row.value };
  }
}

/** A token that is away: what it is to destroy stays to be destroyed. */
class AwayToken implements KeyProvider {
  readonly level = 'HSM';
  readonly inputBytesMax = 8192;
  readonly limitIsTogether = true;
  readonly asked: Material[] = [];

  generate = async (): Promise<Material> => ({ id: 'object' });
  seal = async (): Promise<Uint8Array> => bytes;
  unseal = async (): Promise<null> => null;

  async destroy(material: Material): Promise<void> {
    this.asked.push(material);
    throw new RpcError('UNAVAILABLE', 'HSM_UNAVAILABLE', 'planned');
  }
}

let bench: KmsBench;
let store: TamperedStore;
let service: EmbeddedKeyService;
let agent: KeyCaller;
let projectNumber: string;
let retiredName: string;
const token = new AwayToken();

/** A store that holds a row of every kind. */
async function prepare(): Promise<void> {
  bench = await openKmsBench();
  store = new TamperedStore(bench.keyStore);
  service = await bench.restart({ keyStore: store, providers: { hsm: token } });
  ({ projectNumber } = await service.projects.get('p'));
  agent = { member: await service.pubsubServiceAgent('p'), reason: operator.reason };
  await service.setIamPolicy(keyName, { bindings: [] }, operator);
  const { name } = await service.createCryptoKey(newKey, operator);
  ({ retiredResource: retiredName } = await service.deleteCryptoKey(name, operator));
  for (const level of ['SOFTWARE', 'HSM'] as const) {
    const versionTemplate = { protectionLevel: level };
    const key = { ...newKey, id: level, versionTemplate, skipInitialVersion: false };
    const made = await service.createCryptoKey(key, operator);
    await service.destroyVersion(`${made.name}/cryptoKeyVersions/1`, false, operator);
  }
  bench.clock.stepWall(2 * 86_400_000);
  await bench.clock.advance(60_000);
  await service.lifecycle.idle();
}

let ready: Promise<void> | undefined;
beforeEach(async () => {
  ready ??= prepare();
  await ready;
});

const use = { name: keyName, plaintext: bytes, additionalAuthenticatedData: bytes };

/** For each kind of row: where one is, and a call that has to read it. */
const kinds: readonly (readonly [string, () => string, () => Promise<unknown>])[] = [
  ['ring', () => `kms/ring/${ringName}`, () => service.getKeyRing(ringName, operator)],
  ['key', () => `kms/key/${keyName}`, () => service.encrypt(use, operator)],
  [
    'version',
    () => `kms/version/${keyName}/0000000001`,
    () => service.getVersion(versionOne, operator),
  ],
  ['policy', () => `kms/policy/${keyName}`, () => service.encrypt(use, agent)],
  ['project', () => 'kms/project/p', () => service.projects.get('p')],
  [
    'project number',
    () => `kms/project-number/${projectNumber}`,
    () => service.projects.get(projectNumber),
  ],
  [
    'retired resource',
    () => `kms/retired/${retiredName}`,
    () => service.getRetiredResource(retiredName, operator),
  ],
  [
    'retired name',
    () => `kms/retired-name/${ringName}/cryptoKeys/retired`,
    () => service.createCryptoKey(newKey, operator),
  ],
];

async function expectLoss(read: () => Promise<unknown>, row: string, what: string): Promise<void> {
  await expect(read(), what).rejects.toMatchObject({
    code: 'DATA_LOSS',
    reason: 'KEY_STORE_DAMAGED',
    message: `The key store holds a damaged record: ${row}.`,
  });
}

describe.each(kinds)('a row of a %s', (_, rowOf, read) => {
  test('with one bit changed, anywhere, or cut short, is DATA_LOSS', async () => {
    const row = rowOf();
    const { value } = (await bench.keyStore.get(row))!;
    for (let at = 0; at < value.length; at++) {
      const changed = value.slice();
      changed[at]! ^= 1 << (at & 7);
      store.values.set(row, changed);
      await expectLoss(read, row, `byte ${at}`);
    }
    for (const length of [0, 1, 41, value.length - 1]) {
      store.values.set(row, value.subarray(0, length));
      await expectLoss(read, row, `${length} bytes`);
    }
    store.values.delete(row);
  });

  test('with what any other row holds is DATA_LOSS', async () => {
    const row = rowOf();
    const others = (await bench.keyStore.list('kms/')).filter(({ key }) => key !== row);
    expect(others.length).toBeGreaterThan(10);
    for (const { key, value } of others) {
      store.values.set(row, value);
      await expectLoss(read, row, key);
    }
    store.values.delete(row);
  });

  test('under an earlier or later version than it was written for is DATA_LOSS', async () => {
    const row = rowOf();
    const { value } = (await bench.keyStore.get(row))!;
    await bench.keyStore.txn([], [{ key: row, value }]);
    await expectLoss(read, row, 'a version later');
    await bench.keyStore.txn([], [{ key: row, value: null }]);
    await bench.keyStore.txn([], [{ key: row, value }]);
    const { version } = (await bench.keyStore.get(row))!;
    expect(version).toBe(1);
  });
});

async function restartWith(row: string, value: Uint8Array): Promise<string[]> {
  store.values.set(row, value);
  const said: string[] = [];
  const log = { ...silentLogger, error: (_: object, message: string) => void said.push(message) };
  await service.close();
  const other = await bench.restart({ keyStore: store, providers: { hsm: token }, log });
  await other.close();
  store.values.delete(row);
  return said;
}

async function oneOf(prefix: string): Promise<MetaRow> {
  const [row] = await bench.keyStore.list(prefix);
  expect(row, prefix).toBeDefined();
  return row!;
}

describe('what the service acts on by itself', () => {
  test('a changed row of doomed material destroys nothing on the token, and is reported', async () => {
    const { key, value } = await oneOf('kms/doomed/');
    expect(token.asked).not.toEqual([]);
    token.asked.length = 0;
    const changed = value.slice();
    changed[30]! ^= 4;
    const said = await restartWith(key, changed);
    expect(token.asked).toEqual([]);
    expect(said).toContain('the material of a destroyed version cannot be removed');
    await restartWith('', value);
    expect(token.asked).toEqual([{ id: 'object' }]);
  });

  test('a changed entry on its way to the audit log is not recorded as if it were true', async () => {
    const { key, value } = await oneOf('kms/audit-outbox/');
    bench.audit.entries.length = 0;
    const changed = value.slice();
    changed[50]! ^= 1;
    const said = await restartWith(key, changed);
    expect(said).toContain('a waiting audit entry is damaged: it is not in the audit log');
    expect(bench.audit.entries.filter(({ kind }) => kind === 'activity')).toEqual([]);
  });

  test('a changed row key refuses the start', async () => {
    const { key, value } = await oneOf('kms/row-key');
    for (const at of [0, 15, 16, 20, 60, value.length - 1]) {
      const changed = value.slice();
      changed[at]! ^= 128;
      await expect(restartWith(key, changed), `byte ${at}`).rejects.toMatchObject({
        code: 'DATA_LOSS',
      });
    }
    store.values.clear();
  });
});
