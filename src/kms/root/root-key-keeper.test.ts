import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { privateDirectory, testSuites } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { AuditEntry, AuditWriter } from '../../audit/index.ts';
import { RpcError } from '../../rpc/index.ts';
import {
  type FailpointName,
  noFailpoints,
  rootKeyFailpointNames,
  silentLogger,
} from '../../runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../storage/index.ts';
import { versionTable } from '../rows/records.ts';
import { rowWrite, SealedRows } from '../rows/sealed-rows.ts';
import type { HeldRootKey } from './held-root-key.ts';
import type { WrappedRows } from './key-rewrap.ts';
import { openRootKey } from './open-root-key.ts';
import { type ResealRequest, RootKeyKeeper } from './root-key-keeper.ts';
import { openRowKey } from './row-key.ts';
import type { SealSecrets } from './seals/seal-secrets.ts';

const wrapped: WrappedRows = { prefix: 'other/', wrapAt: 2, purpose: ({ key }) => `for ${key}` };
const versionId = 'projects/p/locations/global/keyRings/r/cryptoKeys/k/0000000007';
const versionPurpose =
  'kms/version/projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/7';
const secret = new Uint8Array(32).fill(0x5a);
const caller = { principalEmail: 'anonymous', callerIp: '127.0.0.1' };
const keyFileText = `${Buffer.alloc(32, 7).toString('base64')}\n`;

/** A directory of keys with one of each wrapped row, and lives of processes on it. */
class Bench {
  readonly clock = new VirtualClock();
  readonly keyStore: KeyStore;
  readonly home: string = privateDirectory();
  readonly path: string;
  readonly entries: AuditEntry[] = [];
  readonly wrappingKeyFile: string;
  secrets: SealSecrets = {};
  compactions = 0;
  #seed = 1;

  constructor() {
    this.path = join(this.home, 'data-keys', 'root-key');
    this.wrappingKeyFile = join(this.home, 'wrapping-key');
    writeFileSync(this.wrappingKeyFile, keyFileText, { mode: 0o600 });
    const store = openMemoryKeyStore({ clock: this.clock });
    this.keyStore = Object.assign(store, {
      compact: async () => void this.compactions++,
    });
  }

  open(): Promise<HeldRootKey> {
    return openRootKey({
      path: this.path,
      dataDir: join(this.home, 'data'),
      suites: testSuites,
      entropy: new SeededEntropy(this.#seed++),
      clock: this.clock,
      log: silentLogger,
      source: 'auto',
      secrets: this.secrets,
    });
  }

  keeper(
    rootKey: HeldRootKey,
    more: { failAt?: FailpointName; audit?: AuditWriter } = {},
  ): RootKeyKeeper {
    const { failAt, audit } = more;
    return new RootKeyKeeper({
      path: this.path,
      rootKey,
      keyStore: this.keyStore,
      wrapped: [wrapped],
      secrets: this.secrets,
      suites: testSuites,
      entropy: new SeededEntropy(this.#seed++),
      clock: this.clock,
      log: silentLogger,
      failpoints: failAt === undefined ? noFailpoints : dieAt(failAt),
      audit: audit ?? {
        append: async (entry) => {
          this.entries.push(entry);
          return { ...entry, insertId: '', timeMs: 0 };
        },
      },
      settleMs: 0,
    });
  }

  async fill(rootKey: HeldRootKey): Promise<void> {
    const rows = await this.rows(rootKey);
    const wrappedKey = Buffer.from(rootKey.wrapKey(secret, versionPurpose)).toString('base64');
    await rows.commit([
      rowWrite(
        versionTable,
        { id: versionId, version: 0 },
        {
          uid: '',
          state: 'ENABLED',
          protectionLevel: 'SOFTWARE',
          algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
          createTimeMs: 0,
          material: { wrappedKey },
        },
      ),
    ]);
    const value = new Uint8Array([1, 2, ...rootKey.wrapKey(secret, 'for other/a')]);
    await this.keyStore.txn([], [{ key: 'other/a', value }]);
  }

  async rows(rootKey: HeldRootKey): Promise<SealedRows> {
    const entropy = new SeededEntropy(99);
    const { keyStore } = this;
    return new SealedRows(
      keyStore,
      await openRowKey({ keyStore, rootKey, suites: testSuites, entropy }),
    );
  }

  /** Everything that was wrapped opens by that key. */
  async check(rootKey: HeldRootKey): Promise<void> {
    const version = (await (await this.rows(rootKey)).get(versionTable, versionId))!;
    const material = Buffer.from(version.record.material!['wrappedKey']!, 'base64');
    expect(rootKey.unwrapKey(material, versionPurpose)).toEqual(secret);
    const { value } = (await this.keyStore.get('other/a'))!;
    expect(value.subarray(0, 2)).toEqual(Uint8Array.of(1, 2));
    expect(rootKey.unwrapKey(value.subarray(2), 'for other/a')).toEqual(secret);
  }

  get files(): string[] {
    return readdirSync(dirname(this.path)).toSorted();
  }
}

class Death extends Error {
  override name = 'Death';
}

function dieAt(at: FailpointName): (name: FailpointName) => void {
  return (name) => {
    if (name === at) throw new Death(at);
  };
}

async function filled(): Promise<{ bench: Bench; rootKey: HeldRootKey }> {
  const bench = new Bench();
  const rootKey = await bench.open();
  await bench.fill(rootKey);
  return { bench, rootKey };
}

const byVariable = (bench: Bench, isNewKey = false): ResealRequest => ({
  to: 'environment',
  isNewKey,
  secrets: { wrappingKeyFile: bench.wrappingKeyFile },
});

test('a new seal takes the place of the old one, and the key stays', async () => {
  const { bench, rootKey } = await filled();
  const status = await bench.keeper(rootKey).reseal(byVariable(bench), caller);
  expect(status).toEqual({
    id: rootKey.id,
    path: bench.path,
    source: 'environment',
    parameters: {},
    previousId: null,
  });
  expect(bench.files).toEqual(['root-key']);
  await expect(bench.open()).rejects.toThrow(/SEALPOST_ROOT_KEY, which is not set/);
  bench.secrets = { environmentKey: new TextEncoder().encode(keyFileText) };
  const again = await bench.open();
  expect(again.id).toBe(rootKey.id);
  await bench.check(again);
});

test('and back to a file, which any start opens', async () => {
  const { bench, rootKey } = await filled();
  const keeper = bench.keeper(rootKey);
  await keeper.reseal(byVariable(bench), caller);
  const back = { to: 'file', isNewKey: false, secrets: {} } as const;
  expect(await keeper.reseal(back, caller)).toMatchObject({ source: 'file' });
  await bench.check(await bench.open());
});

test('a new key wraps everything, and an old copy of the seal opens nothing of it', async () => {
  const { bench, rootKey } = await filled();
  const oldSeal = readFileSync(bench.path);
  const oldId = rootKey.id;
  const request = { isNewKey: true, secrets: {} };
  const status = await bench.keeper(rootKey).reseal(request, caller);
  expect(status).toMatchObject({ source: 'file', previousId: null });
  expect(status.id).not.toBe(oldId);
  expect(bench.compactions).toBe(1);
  await bench.check(rootKey);
  await bench.check(await bench.open());
  expect(bench.files).toEqual(['root-key']);
  writeFileSync(bench.path, oldSeal);
  const old = await bench.open();
  expect(old.id).toBe(oldId);
  await expect(bench.rows(old)).rejects.toMatchObject({ reason: 'ROOT_KEY_MISMATCH' });
});

test('what is wrapped while everything is wrapped anew opens too', async () => {
  const { bench, rootKey } = await filled();
  const late = rootKey.wrapKey(secret, 'for other/b');
  const changing = bench.keeper(rootKey, {
    audit: {
      // The last moment before the switch: its row is written after it.
      append: async (entry) => {
        const value = new Uint8Array([0, 0, ...late]);
        await bench.keyStore.txn([], [{ key: 'other/b', value }]);
        return { ...entry, insertId: '', timeMs: 0 };
      },
    },
  });
  await changing.reseal({ isNewKey: true, secrets: {} }, caller);
  const row = (await bench.keyStore.get('other/b'))!;
  expect((await bench.open()).unwrapKey(row.value.subarray(2), 'for other/b')).toEqual(secret);
});

test('a row that nobody told of stops the change before the old key is forgotten', async () => {
  const { bench, rootKey } = await filled();
  const oldId = rootKey.id;
  const value = rootKey.wrapKey(secret, 'unknown');
  await bench.keyStore.txn([], [{ key: 'unknown/a', value }]);
  const keeper = bench.keeper(rootKey);
  await expect(keeper.reseal({ isNewKey: true, secrets: {} }, caller)).rejects.toThrow();
  expect(keeper.status().previousId).toBe(oldId);
  const again = await bench.open();
  expect(again.unwrapKey(value, 'unknown')).toEqual(secret);
  await bench.check(again);
});

const deaths = rootKeyFailpointNames.flatMap((name) =>
  [false, true].map((isNewKey) => ({ name, isNewKey })),
);

test.each(deaths)('a death at $name (new key: $isNewKey) leaves one seal', async (death) => {
  const { name, isNewKey } = death;
  const { bench, rootKey } = await filled();
  const dying = bench.keeper(rootKey, { failAt: name });
  const failure = await dying
    .reseal(byVariable(bench, isNewKey), caller)
    .catch((error: unknown) => error);
  const wasReached = isNewKey || !/Previous|Rewrap/.test(name);
  if (wasReached) expect(failure).toBeInstanceOf(RpcError);
  const isSwitched = readFileSync(bench.path).toString('latin1').startsWith('sealpost root seal');
  if (isSwitched) bench.secrets = { environmentKey: new TextEncoder().encode(keyFileText) };
  const reborn = await bench.open();
  await bench.check(reborn);
  const keeper = bench.keeper(reborn);
  await keeper.finish();
  expect(keeper.status().previousId).toBeNull();
  expect(bench.files).toEqual(['root-key']);
  await bench.check(reborn);
  await bench.check(await bench.open());
  expect(isSwitched).toBe(!/beforeRootSeal|Written/.test(name) || !wasReached);
});

test('a missing or weak secret changes nothing', async () => {
  const { bench, rootKey } = await filled();
  const before = readFileSync(bench.path);
  const keeper = bench.keeper(rootKey);
  const passphraseFile = join(bench.home, 'weak');
  writeFileSync(passphraseFile, 'hunter2', { mode: 0o600 });
  const refusal = { code: 'FAILED_PRECONDITION', reason: 'ROOT_KEY_SEAL' };
  for (const secrets of [{}, { passphraseFile }, { passphraseFile: '/nowhere/at/all' }]) {
    const request = { to: 'passphrase', isNewKey: true, secrets } as const;
    await expect(keeper.reseal(request, caller)).rejects.toMatchObject(refusal);
  }
  expect(readFileSync(bench.path)).toEqual(before);
  expect(bench.files).toEqual(['root-key']);
  await bench.check(await bench.open());
});

test.each([
  ['passphrase', /^a seal by passphrase needs .* mode 0600 .* --passphrase-file\.$/],
  ['environment', /a new wrapping key: .* mode 0600 .* --wrapping-key-file\.$/],
  ['systemd-credential', /--wrapping-key-file\.$/],
] as const)('a seal by %s without its secret says what to write where', async (to, message) => {
  const { bench, rootKey } = await filled();
  const request = { to, isNewKey: false, secrets: {} };
  await expect(bench.keeper(rootKey).reseal(request, caller)).rejects.toMatchObject({
    reason: 'ROOT_KEY_SEAL',
    message: expect.stringMatching(message),
  });
});

test('is recorded before it comes into force, and each failure too; no path of a secret', async () => {
  const { bench, rootKey } = await filled();
  await bench.keeper(rootKey).reseal(byVariable(bench), caller);
  const failing = { to: 'passphrase', isNewKey: false, secrets: {} } as const;
  await bench
    .keeper(rootKey)
    .reseal(failing, caller)
    .catch(() => undefined);
  expect(bench.entries).toMatchObject([
    {
      kind: 'activity',
      methodName: 'sealpost.v1.RootKey.Reseal',
      resourceName: `rootKeys/${rootKey.id}`,
      caller,
      request: { to: 'environment', isNewKey: false },
      metadata: { from: 'file' },
    },
    { request: { to: 'passphrase' }, status: { code: 'FAILED_PRECONDITION' } },
  ]);
  expect(JSON.stringify(bench.entries[0])).not.toContain('wrapping-key');
});

test('an audit log that cannot be written keeps the seal as it is', async () => {
  const { bench, rootKey } = await filled();
  const before = readFileSync(bench.path);
  const refusal = new RpcError('UNAVAILABLE', 'AUDIT', 'The audit log is full.');
  const keeper = bench.keeper(rootKey, { audit: { append: () => Promise.reject(refusal) } });
  const request = byVariable(bench, true);
  await expect(keeper.reseal(request, caller)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(readFileSync(bench.path)).toEqual(before);
  await bench.check(await bench.open());
});

test('two at once are one too many', async () => {
  const { bench, rootKey } = await filled();
  const keeper = bench.keeper(rootKey);
  const first = keeper.reseal(byVariable(bench), caller);
  const second = keeper.reseal(byVariable(bench), caller);
  await expect(second).rejects.toMatchObject({ code: 'ABORTED', reason: 'ROOT_KEY_BUSY' });
  expect((await first).source).toBe('environment');
  expect(existsSync(`${bench.path}.next`)).toBe(false);
});

test('a switch that fails after its rename leaves what the next start needs, whatever is asked then', async () => {
  const { bench, rootKey } = await filled();
  const broken = bench.keeper(rootKey, { failAt: 'afterRootSealRename' });
  const isNewKey = { isNewKey: true, secrets: {} };
  await expect(broken.reseal(isNewKey, caller)).rejects.toBeInstanceOf(RpcError);
  // The process lives on with the key before; the seal on disk is the new key's.
  const weak = { to: 'passphrase', isNewKey: false, secrets: {} } as const;
  const healthy = bench.keeper(rootKey);
  for (const request of [weak, isNewKey, { isNewKey: false, secrets: {} }]) {
    await expect(healthy.reseal(request, caller)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'ROOT_KEY_SEAL',
    });
  }
  const reborn = await bench.open();
  await bench.check(reborn);
  await bench.keeper(reborn).finish();
  await bench.check(await bench.open());
});
