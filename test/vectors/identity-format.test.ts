import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { providersOf } from '../../src/crypto/providers.ts';
import type { SuiteId } from '../../src/crypto/index.ts';
import { type BrowserClaims, type Identity, openIdentity } from '../../src/identity/index.ts';
import { openFileRootKey } from '../../src/kms/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { openMemoryKeyStore } from '../../src/storage/index.ts';
import { privateDirectory } from '../support/embedded-kms.ts';
import { hex } from '../support/hex.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { readGolden, RecordedEntropy, suitesPreferring } from './golden-file.ts';

interface Golden {
  readonly suite: SuiteId;
  /** All bytes of the root key file. */
  readonly rootKeyFile: string;
  readonly row: string;
  readonly value: string;
  readonly createdMs: number;
  readonly jwk: Record<string, string>;
  readonly idToken: string;
  readonly browserKey: string;
  readonly browserClaims: BrowserClaims;
  readonly browserToken: string;
}

const { identities } = readGolden('identity-format-1.json') as { identities: readonly Golden[] };
const usable = identities.filter(({ suite }) => providersOf(suite).length > 0);

async function open(golden: Golden): Promise<Identity> {
  const clock = new VirtualClock(golden.createdMs);
  const path = join(privateDirectory(), 'root-key');
  writeFileSync(path, hex(golden.rootKeyFile), { mode: 0o600 });
  const rootKey = openFileRootKey({
    path,
    dataDir: join(path, '..', '..', 'sealpost-no-such-data'),
    suites: suitesPreferring(golden.suite),
    entropy: new RecordedEntropy(),
    log: silentLogger,
  });
  const rows = openMemoryKeyStore({ clock });
  await rows.txn([], [{ key: golden.row, value: hex(golden.value) }]);
  const storeKey = { deriveKey: (): Uint8Array => hex(golden.browserKey) };
  const issuer = (): string => 'https://id.example';
  return await openIdentity({ rows, rootKey, storeKey, clock, log: silentLogger, issuer });
}

test('golden identities under root keys of both suites are there', () => {
  expect(new Set(identities.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
});

test.each(usable)(
  'suite $suite: a golden signing key opens and signs the same token',
  async (golden) => {
    const { idTokens } = await open(golden);
    expect((await idTokens.jwks()).keys).toEqual([golden.jwk]);
    const email = 'push@p.iam.gserviceaccount.com';
    const audience = 'https://endpoint.example/push';
    expect(await idTokens.idToken({ email, audience })).toBe(golden.idToken);
  },
);

test.each(usable)('suite $suite: a golden browser token is issued and accepted', async (golden) => {
  const { browserTokens } = await open(golden);
  expect(await browserTokens.issue(golden.browserClaims)).toBe(golden.browserToken);
  expect(await browserTokens.verify(golden.browserToken)).toEqual(golden.browserClaims);
});
