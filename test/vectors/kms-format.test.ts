import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SuiteId } from '../../src/crypto/index.ts';
import { defaultSuite, providersOf } from '../../src/crypto/providers.ts';
import { splitCiphertext } from '../../src/kms/ciphertext.ts';
import { operatorMember } from '../../src/kms/iam/key-access.ts';
import {
  type EmbeddedKeyService,
  openFileRootKey,
  type RootKey,
  startKeyService,
} from '../../src/kms/index.ts';
import { openRowKey } from '../../src/kms/root/row-key.ts';
import { SealedRows } from '../../src/kms/rows/sealed-rows.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { FaultPlan, type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { privateDirectory } from '../support/embedded-kms.ts';
import { hex, toHex } from '../support/hex.ts';
import { RecordingAudit } from '../support/recording-audit.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { nonceOf, readGolden, RecordedEntropy, suitesPreferring } from './golden-file.ts';

interface Golden {
  /** What the rows are sealed with. */
  readonly suite: SuiteId;
  readonly rootKeyFile: string;
  /** All at version 1; `json` is what is sealed, absent in the row of the row key. */
  readonly rows: readonly {
    readonly key: string;
    readonly value: string;
    readonly json?: string;
  }[];
  readonly name: string;
  readonly plaintext: string;
  readonly additionalAuthenticatedData: string;
  readonly ciphertext: string;
}

/** Beside: what keys of the other purposes answer. */
interface LaterGolden extends Golden {
  readonly raw: { readonly initializationVector: string; readonly ciphertext: string };
  readonly mac: string;
}

const { services: first } = readGolden('kms-format-1.json') as { services: readonly Golden[] };
const { services: later } = readGolden('kms-format-2.json') as { services: readonly LaterGolden[] };
const services = [...first, ...later];
const usable = services.filter(({ suite, ciphertext }) => {
  const { sealed } = splitCiphertext(hex(ciphertext))!;
  return [suite, sealed[0]!].every((used) => providersOf(used).length > 0);
});
const caller = {
  member: operatorMember,
  reason: 'CUSTOMER_INITIATED_ACCESS',
  resource: 'projects/p/topics/t',
} as const;

function rootKeyOf(golden: Golden): RootKey {
  const directory = privateDirectory();
  const path = join(directory, 'root-key');
  writeFileSync(path, hex(golden.rootKeyFile), { mode: 0o600 });
  return openFileRootKey({
    path,
    dataDir: join(directory, '..', 'sealpost-no-such-data'),
    suites: suitesPreferring(golden.suite),
    entropy: new RecordedEntropy(),
    log: silentLogger,
  });
}

async function storeOf(rows: Golden['rows']): Promise<KeyStore> {
  const store = openMemoryKeyStore({ clock: new VirtualClock(), faults: new FaultPlan() });
  const puts = rows.map(({ key, value }) => ({ key, value: hex(value) }));
  const checks = rows.map(({ key }) => ({ key, version: 0 }));
  expect(await store.txn(checks, puts)).toBe(true);
  return store;
}

test('golden key services of both suites are there', () => {
  expect(new Set(services.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
  for (const { rows } of services) expect(rows.length).toBeGreaterThan(5);
});

test.each(usable)('suite $suite: sealed rows are written and read', async (golden) => {
  const rootKey = rootKeyOf(golden);
  const suites = suitesPreferring(golden.suite);
  const keyStore = await storeOf(golden.rows);
  for (const { key, value, json } of golden.rows) {
    if (json === undefined) continue;
    const entropy = new RecordedEntropy(nonceOf(hex(value)));
    const rowKey = await openRowKey({ keyStore, rootKey, suites, entropy });
    const written = await storeOf([]);
    expect(await new SealedRows(written, rowKey).commit([{ key, version: 0, json }])).toBe(true);
    expect(toHex((await written.get(key))!.value)).toBe(value);

    const table = { prefix: '', read: (record: unknown): unknown => record };
    const read = await new SealedRows(keyStore, rowKey).get(table, key);
    expect(JSON.stringify(read!.record)).toBe(json);
  }
});

test.each(usable)('suite $suite: the service decrypts, and encrypts the same', async (golden) => {
  const { name } = golden;
  const ciphertext = hex(golden.ciphertext);
  const { sealed } = splitCiphertext(ciphertext)!;
  const entropy = new RecordedEntropy(nonceOf(sealed));
  const service = await startKeyService({
    keyStore: await storeOf(golden.rows),
    rootKey: rootKeyOf(golden),
    suites: suitesPreferring(golden.suite),
    clock: new VirtualClock(),
    entropy,
    log: silentLogger,
    observer: { call: () => undefined },
  });
  const additionalAuthenticatedData = hex(golden.additionalAuthenticatedData);
  const decrypted = await service.decrypt(
    { name, ciphertext, additionalAuthenticatedData },
    caller,
  );
  expect(toHex(decrypted.plaintext)).toBe(golden.plaintext);

  expect(sealed[0]).toBe(defaultSuite);
  const plaintext = hex(golden.plaintext);
  const encrypted = await service.encrypt({ name, plaintext, additionalAuthenticatedData }, caller);
  expect(toHex(encrypted.ciphertext)).toBe(golden.ciphertext);
  expect(entropy.left).toBe(0);
});

const ring = 'projects/p/locations/global/keyRings/r';
const usableLater = later.filter((golden) => usable.includes(golden));

function startOn(golden: Golden, keyStore: KeyStore): Promise<EmbeddedKeyService> {
  return startKeyService({
    keyStore,
    rootKey: rootKeyOf(golden),
    suites: suitesPreferring(golden.suite),
    clock: new VirtualClock(),
    entropy: new RecordedEntropy(),
    log: silentLogger,
  });
}

test.each(usableLater)('suite $suite: raw and MAC keys give their answers', async (golden) => {
  const service = await startOn(golden, await storeOf(golden.rows));
  const { plaintext } = await service.rawDecrypt(
    {
      name: `${ring}/cryptoKeys/raw/cryptoKeyVersions/1`,
      ciphertext: hex(golden.raw.ciphertext),
      additionalAuthenticatedData: hex(golden.additionalAuthenticatedData),
      initializationVector: hex(golden.raw.initializationVector),
      tagBytes: 0,
    },
    caller,
  );
  expect(toHex(plaintext)).toBe(golden.plaintext);
  const name = `${ring}/cryptoKeys/mac/cryptoKeyVersions/1`;
  expect(toHex((await service.macSign(name, hex(golden.plaintext), caller)).mac)).toBe(golden.mac);
});

test.each(usableLater)(
  'suite $suite: keys, versions and names are what they were',
  async (golden) => {
    const service = await startOn(golden, await storeOf(golden.rows));
    const page = { pageSize: 0, pageToken: '' };
    expect(await service.getCryptoKey(`${ring}/cryptoKeys/k`, caller)).toMatchObject({
      purpose: 'ENCRYPT_DECRYPT',
      labels: { team: 'ledger' },
      destroyScheduledSeconds: 86_400,
      rotationPeriodSeconds: 7_776_000,
      allowedAccessReasons: ['CUSTOMER_INITIATED_ACCESS'],
      primary: { state: 'ENABLED' },
    });
    const { items } = await service.listVersions(`${ring}/cryptoKeys/k`, page, caller);
    expect(items.map(({ state }) => state)).toEqual(['ENABLED', 'DESTROYED', 'DESTROY_SCHEDULED']);
    const hsm = await service.getVersion(`${ring}/cryptoKeys/hsm/cryptoKeyVersions/1`, caller);
    expect(hsm).toMatchObject({ state: 'DESTROYED', protectionLevel: 'HSM' });
    const retired = await service.listRetiredResources('projects/p/locations/global', page, caller);
    expect(retired.items[0]).toMatchObject({ originalResource: `${ring}/cryptoKeys/gone` });
    const { bindings } = await service.getIamPolicy(`${ring}/cryptoKeys/k`, caller, 3);
    expect(bindings[0]?.condition).toEqual({ title: 't', expression: 'true' });
  },
);

test.each(usable)(
  'suite $suite: keys of the first format are symmetric and in software',
  async (golden) => {
    const service = await startOn(golden, await storeOf(golden.rows));
    const key = await service.getCryptoKey(golden.name, caller);
    const level = { protectionLevel: 'SOFTWARE', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' };
    expect(key).toMatchObject({ purpose: 'ENCRYPT_DECRYPT', versionTemplate: level });
    expect(key.primary).toMatchObject(level);
  },
);

test.each(usableLater)('suite $suite: what waits for the audit log gets there', async (golden) => {
  const audit = new RecordingAudit();
  const keyStore = await storeOf(golden.rows);
  await startKeyService({
    keyStore,
    rootKey: rootKeyOf(golden),
    suites: suitesPreferring(golden.suite),
    clock: new VirtualClock(),
    entropy: new RecordedEntropy(),
    log: silentLogger,
    audit,
  });
  expect(audit.outcomes).toEqual(['SetIamPolicy OK']);
});
