import { type Identity, openIdentity } from '../../src/identity/index.ts';
import { openFileRootKey, type RootKey } from '../../src/kms/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { join } from 'node:path';

import { privateDirectory, testSuites } from './embedded-kms.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface IdentityBench {
  readonly identity: Identity;
  readonly clock: VirtualClock;
  readonly rows: KeyStore;
  /** Another over the same rows, as after a restart. */
  readonly reopen: () => Promise<Identity>;
}

/** Tokens under a real root key, over rows in memory, on a clock that the test moves. */
export async function openIdentityBench(issuer = 'https://id.example'): Promise<IdentityBench> {
  const clock = new VirtualClock();
  const rows = openMemoryKeyStore({ clock });
  const rootKey = testRootKey();
  const storeKey = { deriveKey: (): Uint8Array => new Uint8Array(32).fill(7) };
  const log = silentLogger;
  const reopen = (): Promise<Identity> =>
    openIdentity({ rows, rootKey, storeKey, clock, log, issuer: () => issuer });
  return { identity: await reopen(), clock, rows, reopen };
}

function testRootKey(): RootKey {
  const home = privateDirectory();
  return openFileRootKey({
    path: join(home, 'keys', 'root-key'),
    dataDir: join(home, 'data'),
    suites: testSuites,
    entropy: new SeededEntropy(1),
    log: silentLogger,
  });
}
