import { aeadProviders, type SuiteProviders, suiteIds } from '../../src/crypto/index.ts';
import {
  type Dek,
  type DekCaps,
  type DekEvent,
  type DekManager,
  type DekObserver,
  openDekManager,
  type SealedTopic,
} from '../../src/envelope/index.ts';
import type { KeyService } from '../../src/kms/index.ts';
import { type FailpointName, silentLogger } from '../../src/runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import { ScriptedKeyService } from './scripted-key-service.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export const keyName: string = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

/** Chosen once: the choice measures, and a test opens many benches. */
let chosenProviders: SuiteProviders | null = null;

export function testProviders(): SuiteProviders {
  const clock = new VirtualClock();
  const entropy = new SeededEntropy(1);
  const suite = suiteIds.xaes256Gcm;
  chosenProviders ??= aeadProviders({ clock, entropy, log: silentLogger, suite });
  return chosenProviders;
}

export function sealedTopic(id: number = 1, kmsKeyName: string = keyName): SealedTopic {
  return { name: `projects/p/topics/t${id}`, uid: new Uint8Array(16).fill(id), kmsKeyName };
}

export interface DekBenchOptions<Keys extends KeyService> {
  readonly keys: Keys;
  readonly rows?: KeyStore;
  readonly clock?: VirtualClock;
  readonly caps?: DekCaps;
  readonly failpoints?: (name: FailpointName) => void;
  readonly observer?: DekObserver;
}

/** A DEK manager on a clock that the test moves, and what it said. */
export interface DekBench<Keys extends KeyService> {
  readonly manager: DekManager;
  readonly keys: Keys;
  readonly rows: KeyStore;
  readonly clock: VirtualClock;
  readonly events: DekEvent[];
  /** Resolves or throws as the promise does, with virtual time passing meanwhile. */
  readonly settled: <T>(pending: T | Promise<T>) => Promise<T>;
}

export async function openDekBench<Keys extends KeyService>(
  options: DekBenchOptions<Keys>,
): Promise<DekBench<Keys>> {
  const clock = options.clock ?? new VirtualClock();
  const entropy = new SeededEntropy(9);
  const log = silentLogger;
  const rows = options.rows ?? openMemoryKeyStore({ clock });
  const manager = await openDekManager({
    keys: options.keys,
    rows,
    providers: testProviders(),
    clock,
    entropy,
    log,
    failpoints: options.failpoints ?? (() => undefined),
    ...(options.caps ? { caps: options.caps } : {}),
    ...(options.observer ? { observer: options.observer } : {}),
  });
  const events: DekEvent[] = [];
  manager.onEvent((event) => events.push(event));
  const settled = async <T>(pending: T | Promise<T>): Promise<T> => {
    const state = { isDone: false };
    const outcome = Promise.resolve(pending).finally(() => {
      state.isDone = true;
    });
    outcome.catch(() => undefined);
    for (let turn = 0; turn < 100 && !state.isDone; turn++) {
      await clock.settle();
      if (!state.isDone) await clock.advance(100);
    }
    return outcome;
  };
  return { manager, keys: options.keys, rows, clock, events, settled };
}

/** The same over a scripted key service. */
export function openScriptedBench(
  options: Partial<DekBenchOptions<ScriptedKeyService>> = {},
): Promise<DekBench<ScriptedKeyService>> {
  return openDekBench({ keys: new ScriptedKeyService(), ...options });
}

/** Seals 3 bytes under one id, to tell keys apart without seeing them. */
export function fingerprint(dek: Dek): string {
  const out = new Uint8Array(19);
  const cipher = dek.segment(new Uint8Array(16));
  cipher.seal(0, new Uint8Array(0), Uint8Array.of(1, 2, 3), out, 0);
  return Buffer.from(out).toString('hex');
}
