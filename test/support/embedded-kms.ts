import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { aeadProviders, type SuiteProviders } from '../../src/crypto/index.ts';
import {
  type EmbeddedKeyService,
  type KeyServiceOptions,
  type KmsCall,
  openFileRootKey,
  type RootKey,
  startKeyService,
} from '../../src/kms/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { FaultPlan, type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';
import { operatorOf } from './operator-keys.ts';
import { RecordingAudit } from './recording-audit.ts';

export const ringName: string = 'projects/p/locations/global/keyRings/r';
export const keyName: string = `${ringName}/cryptoKeys/k`;
export const versionOne: string = `${keyName}/cryptoKeyVersions/1`;

/** An embedded key service over the memory engine, and everything that it stands on. */
export interface KmsBench {
  readonly service: EmbeddedKeyService;
  readonly keyStore: KeyStore;
  readonly rootKey: RootKey;
  readonly suites: SuiteProviders;
  readonly clock: VirtualClock;
  readonly entropy: SeededEntropy;
  readonly faults: FaultPlan;
  /** Every call that the observer was told of. */
  readonly calls: KmsCall[];
  readonly audit: RecordingAudit;
  /** Another start on the same store, root key and audit log; the first is closed. */
  restart(more?: Partial<KeyServiceOptions>): Promise<EmbeddedKeyService>;
}

export const testSuites: SuiteProviders = aeadProviders({
  clock: new VirtualClock(),
  entropy: new SeededEntropy(1),
  log: silentLogger,
});

/** A directory of mode 0700 that goes with the test. */
export function privateDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sealpost-kms-'));
  chmodSync(path, 0o700);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A root key of its own file; another seed is another key. */
export function testRootKey(seed: number = 1): RootKey {
  const directory = privateDirectory();
  return openFileRootKey({
    path: join(directory, 'root-key'),
    dataDir: join(directory, '..', 'sealpost-no-such-data'),
    suites: testSuites,
    entropy: new SeededEntropy(seed),
    log: silentLogger,
  });
}

/** With key ring `ringName` and key `keyName` in it, unless `isEmpty`. */
export async function openKmsBench({
  isEmpty = false,
  ...more
}: { readonly isEmpty?: boolean } & Partial<KeyServiceOptions> = {}): Promise<KmsBench> {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(7);
  const faults = new FaultPlan();
  const keyStore = openMemoryKeyStore({ clock, faults });
  const rootKey = testRootKey();
  const calls: KmsCall[] = [];
  const audit = new RecordingAudit();
  const options: KeyServiceOptions = {
    keyStore,
    rootKey,
    suites: testSuites,
    clock,
    entropy,
    log: silentLogger,
    observer: { call: (call) => calls.push(call) },
    audit,
    ...more,
  };
  const service = await startKeyService(options);
  if (!isEmpty) await createKey(service);
  calls.length = 0;
  audit.entries.length = 0;
  const restart = async (other: Partial<KeyServiceOptions> = {}): Promise<EmbeddedKeyService> => {
    await service.close();
    return await startKeyService({ ...options, ...other });
  };
  const parts = { keyStore, rootKey, suites: testSuites, clock, entropy, faults };
  return { service, ...parts, calls, audit, restart };
}

async function createKey(service: EmbeddedKeyService): Promise<void> {
  await operatorOf(service).keyRings.create('projects/p/locations/global', 'r');
  await operatorOf(service).cryptoKeys.create({
    parent: ringName,
    id: 'k',
    labels: {},
    skipInitialVersion: false,
  });
}
