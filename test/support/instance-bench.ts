import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerKey, LayerKeys } from '../../src/envelope/index.ts';
import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import type { ImageVault, OpenedTree, StoredImage } from '../../src/vault/images/image-vault.ts';
import {
  type InstancesOptions,
  type OpenedInstances,
  openInstances,
} from '../../src/vault/instances/instance-supervisor.ts';
import type { StartOutcome, StartTimes } from '../../src/vault/instances/instances.ts';
import type { KeyState, KeyWatch } from '../../src/vault/keys/key-state.ts';
import type { ServiceLogEntry, ServiceLogs } from '../../src/vault/logs/service-logs.ts';
import type { VaultObserver } from '../../src/vault/observer.ts';
import type { ImageConfig } from '../../src/vault/registry/image-source.ts';
import type { Container, Revision } from '../../src/vault/services/service.ts';
import { FakeDriver } from './fake-driver.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export const instanceKey = 'projects/p/locations/l/keyRings/r/cryptoKeys/k';

export const imageConfig: ImageConfig = {
  architecture: 'amd64',
  os: 'linux',
  entrypoint: ['serve'],
  cmd: ['--quickly'],
  env: ['PATH=/bin', 'COLOUR=blue'],
  workingDir: '',
  user: '',
  exposedPorts: [],
  stopSignal: '',
  diffIds: [],
};

export function revisionOf(
  container: Partial<Container> = {},
  change: Partial<Revision> = {},
): Revision {
  const image = 'us-docker.pkg.dev/cloudrun/container/hello:latest';
  return {
    name: { project: 'p', location: 'l', serviceId: 'hello', revisionId: 'hello-00001-abc' },
    uid: 'r-1',
    serviceUid: 's-1',
    generation: 1,
    resourceVersion: '1',
    createdMs: 0,
    creator: 'anonymous',
    template: {
      labels: {},
      annotations: {},
      container: { image, command: [], args: [], env: [], port: 8080, limits: {}, ...container },
      containerConcurrency: 80,
      timeoutSeconds: 300,
    },
    settings: { encryption: { key: instanceKey }, minInstances: 0, maxInstances: 100 },
    imageDigest: 'sha256:1',
    conditions: [],
    ...change,
  };
}

/** Lays out what a test says, and writes down the order of calls. */
export class InstanceBench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly driver: FakeDriver = new FakeDriver();
  readonly rows: KeyStore = openMemoryKeyStore({ clock: new SystemClock() });
  readonly folder: string = mkdtempSync('/dev/shm/sealpost-test-');
  readonly calls: string[] = [];
  readonly logged: ServiceLogEntry[] = [];
  readonly outcomes: StartOutcome[] = [];
  readonly stopped: string[] = [];
  readonly wiped: string[] = [];
  readonly reported: unknown[] = [];
  state: KeyState = { condition: 'ENABLED', message: '', sinceMs: 0, checkedMs: 0 };
  unwraps = 0;
  times: StartTimes | null = null;
  unwrapError: Error | null = null;
  openError: Error | null = null;
  /** Runs while a tree is being opened. */
  whileOpening: () => void | Promise<void> = () => undefined;
  config: ImageConfig = imageConfig;
  readonly #entropy = new SeededEntropy(1);
  readonly #open: OpenedInstances[] = [];

  async open(change: Partial<InstancesOptions> = {}): Promise<OpenedInstances> {
    const instances = await openInstances({
      driver: this.driver,
      images: this.#images(),
      keys: this.#keys(),
      watch: this.#watch(),
      logs: {
        append: (entry: ServiceLogEntry) => this.logged.push(entry),
      } as unknown as ServiceLogs,
      meta: this.rows,
      clock: this.clock,
      entropy: this.#entropy,
      log: silentLogger,
      observer: this.#observer(),
      runtimeFolder: this.folder,
      limits: { treeBytesMax: 1 << 30, pidsMax: 100 },
      ...change,
    });
    this.#open.push(instances);
    return instances;
  }

  async close(): Promise<void> {
    for (const instances of this.#open) await instances.close();
    await this.rows.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What Run itself said. */
  said(): string[] {
    return this.logged.flatMap(({ log, text }) => (log === 'varlog/system' ? (text ?? '') : []));
  }

  #images(): ImageVault {
    const image: StoredImage = {
      owner: { project: 'p', serviceUid: 's-1', serviceName: 'n', key: instanceKey },
      reference: 'hello',
      digest: 'sha256:1',
      keyId: 'k',
      layers: [],
      importedMs: 0,
      unpackedBytes: 1,
    };
    const openTree: ImageVault['openTree'] = async (_, key, { root }): Promise<OpenedTree> => {
      this.calls.push('openTree');
      key.wipe();
      await this.whileOpening();
      if (this.openError !== null) throw this.openError;
      mkdirSync(join(root, 'etc'), { recursive: true });
      return { root, config: this.config, bytes: 7, openMs: 2, applyMs: 3 };
    };
    const get: ImageVault['get'] = async (_, digest) => (digest === 'sha256:1' ? image : null);
    return { openTree, get } as unknown as ImageVault;
  }

  #keys(): LayerKeys {
    const forStart = async (): Promise<LayerKey> => {
      this.calls.push('unwrap');
      this.unwraps++;
      if (this.unwrapError !== null) throw this.unwrapError;
      const wipe = (): void => void this.wiped.push('key');
      return { id: new Uint8Array(16), bytes: new Uint8Array(32), wipe };
    };
    return { forStart } as unknown as LayerKeys;
  }

  #watch(): KeyWatch {
    return {
      state: async () => {
        this.calls.push('state');
        return this.state;
      },
      report: (_: unknown, outcome: unknown) => {
        this.calls.push('report');
        this.reported.push(outcome);
      },
    } as unknown as KeyWatch;
  }

  #observer(): VaultObserver {
    return {
      started: (_: unknown, outcome: StartOutcome, times: StartTimes | null) => {
        this.outcomes.push(outcome);
        this.times = times;
      },
      stopped: (_: unknown, why: string) => this.stopped.push(why),
    } as unknown as VaultObserver;
  }
}
