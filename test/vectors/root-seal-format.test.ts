import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SuiteId } from '../../src/crypto/index.ts';
import { providersOf } from '../../src/crypto/providers.ts';
import { readPrevious, writePrevious } from '../../src/kms/root/previous-root-key.ts';
import { passphraseSealer } from '../../src/kms/root/seals/passphrase-sealer.ts';
import {
  composeSealRecord,
  parseSealRecord,
  sealContext,
} from '../../src/kms/root/seals/seal-record.ts';
import { openWith, type Sealer, sealWith } from '../../src/kms/root/seals/sealer.ts';
import { secretSealer } from '../../src/kms/root/seals/secret-sealer.ts';
import type { Entropy } from '../../src/runtime/index.ts';
import { privateDirectory } from '../support/embedded-kms.ts';
import { hex, toHex } from '../support/hex.ts';
import { nonceOf, readGolden, RecordedEntropy, suitesPreferring } from './golden-file.ts';

interface Seal {
  readonly suite: SuiteId;
  readonly source: 'passphrase' | 'environment' | 'systemd-credential';
  readonly secret: string;
  readonly id: string;
  readonly rootKey: string;
  /** The whole root key file, as text. */
  readonly file: string;
}

interface Previous {
  readonly suite: SuiteId;
  readonly id: string;
  readonly rootKey: string;
  readonly previousId: string;
  readonly previousKey: string;
  readonly file: string;
}

const golden = readGolden('root-seal-format-1.json') as {
  readonly seals: readonly Seal[];
  readonly previous: readonly Previous[];
  /** Of a token: what the file says, and what the token's GCM binds. */
  readonly token: { readonly file: string; readonly id: string; readonly context: string };
};
const isUsable = ({ suite }: { readonly suite: SuiteId }): boolean => providersOf(suite).length > 0;
const slow = { timeout: 120_000 };

function sealerOf({ suite, source, secret }: Seal, entropy: Entropy): Sealer {
  const ports = { suites: suitesPreferring(suite), entropy };
  if (source === 'passphrase') return passphraseSealer(hex(secret), 'it', ports);
  return secretSealer(source, hex(secret), 'it', ports);
}

test('golden seals of every source and both suites are there', () => {
  const kinds = golden.seals.map(({ suite, source }) => `${suite} ${source}`);
  const sources = ['passphrase', 'environment', 'systemd-credential'];
  expect(kinds.toSorted()).toEqual(
    [1, 2].flatMap((n) => sources.map((s) => `${n} ${s}`)).toSorted(),
  );
});

test.each(golden.seals.filter(isUsable))('suite $suite: $source is opened', slow, async (seal) => {
  const record = parseSealRecord(new TextEncoder().encode(seal.file))!;
  const opened = await openWith(sealerOf(seal, new RecordedEntropy()), record, 'golden');
  expect([opened.id, toHex(opened.bytes)]).toEqual([seal.id, seal.rootKey]);
});

test.each(golden.seals.filter(isUsable))('suite $suite: $source is written', slow, async (seal) => {
  const { parameters, sealed } = parseSealRecord(new TextEncoder().encode(seal.file))!;
  const salt = new Uint8Array(Buffer.from(String(parameters['salt']), 'base64'));
  const entropy = new RecordedEntropy(salt, nonceOf(sealed));
  const key = { id: seal.id, bytes: hex(seal.rootKey) };
  const record = await sealWith(sealerOf(seal, entropy), key);
  expect(new TextDecoder().decode(composeSealRecord(record))).toBe(seal.file);
  expect(entropy.left).toBe(0);
});

test('the seal of a token is read, and binds what it did', () => {
  const record = parseSealRecord(new TextEncoder().encode(golden.token.file))!;
  expect(record).toMatchObject({ source: 'pkcs11', id: golden.token.id });
  expect(toHex(sealContext(record))).toBe(golden.token.context);
  expect(new TextDecoder().decode(composeSealRecord(record))).toBe(golden.token.file);
});

test.each(golden.previous.filter(isUsable))('suite $suite: the key before is read', (each) => {
  const path = join(privateDirectory(), 'root-key');
  writeFileSync(`${path}.previous`, hex(each.file), { mode: 0o600 });
  const ports = { suites: suitesPreferring(each.suite), entropy: new RecordedEntropy() };
  const previous = readPrevious(path, { id: each.id, bytes: hex(each.rootKey) }, ports)!;
  expect([previous.id, toHex(previous.bytes)]).toEqual([each.previousId, each.previousKey]);
});

test.each(golden.previous.filter(isUsable))('suite $suite: the key before is written', (each) => {
  const path = join(privateDirectory(), 'root-key');
  const sealedAt = 'sealpost root key previous v1\n'.length + 32;
  const entropy = new RecordedEntropy(nonceOf(hex(each.file).subarray(sealedAt)));
  const present = { id: each.id, bytes: hex(each.rootKey) };
  const previous = { id: each.previousId, bytes: hex(each.previousKey) };
  writePrevious(path, previous, present, { suites: suitesPreferring(each.suite), entropy });
  expect(readFileSync(`${path}.previous`).toString('hex')).toBe(each.file);
  expect(entropy.left).toBe(0);
});
