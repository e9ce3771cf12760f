import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SuiteId } from '../../src/crypto/index.ts';
import { providersOf } from '../../src/crypto/providers.ts';
import { openFileRootKey, type RootKey } from '../../src/kms/index.ts';
import { type Entropy, silentLogger } from '../../src/runtime/index.ts';
import { privateDirectory } from '../support/embedded-kms.ts';
import { hex, toHex } from '../support/hex.ts';
import { nonceOf, readGolden, RecordedEntropy, suitesPreferring } from './golden-file.ts';

interface Golden {
  readonly suite: SuiteId;
  readonly id: string;
  readonly rootKey: string;
  /** All bytes of the root key file. */
  readonly file: string;
  readonly purpose: string;
  readonly key: string;
  readonly wrapped: string;
}

const { rootKeys } = readGolden('root-key-format-1.json') as { rootKeys: readonly Golden[] };
const usable = rootKeys.filter(({ suite }) => providersOf(suite).length > 0);

function open(golden: Golden, path: string, entropy: Entropy): RootKey {
  const dataDir = join(path, '..', '..', 'sealpost-no-such-data');
  const suites = suitesPreferring(golden.suite);
  return openFileRootKey({ path, dataDir, suites, entropy, log: silentLogger });
}

const nonceOfWrapped = (wrapped: string): Uint8Array => nonceOf(hex(wrapped).subarray(16));

test('golden root keys of both suites are there', () => {
  expect(new Set(rootKeys.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
});

test.each(usable)('suite $suite: a root key file is written and wraps', (golden) => {
  const path = join(privateDirectory(), 'root-key');
  const draftName = new Uint8Array(8);
  const key = hex(golden.id + golden.rootKey);
  const entropy = new RecordedEntropy(key, draftName, nonceOfWrapped(golden.wrapped));
  const rootKey = open(golden, path, entropy);
  expect(readFileSync(path).toString('hex')).toBe(golden.file);
  expect(toHex(rootKey.wrapKey(hex(golden.key), golden.purpose))).toBe(golden.wrapped);
  expect(entropy.left).toBe(0);
});

test.each(usable)('suite $suite: a golden root key file is read and unwraps', (golden) => {
  const path = join(privateDirectory(), 'root-key');
  writeFileSync(path, hex(golden.file), { mode: 0o600 });
  const rootKey = open(golden, path, new RecordedEntropy());
  expect(rootKey.id).toBe(golden.id);
  expect(toHex(rootKey.unwrapKey(hex(golden.wrapped), golden.purpose))).toBe(golden.key);
});
