import type { RpcError } from '../../src/rpc/index.ts';
import { openSealedMeta } from '../../src/envelope/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { type KeyStore, type MetaStore, openMemoryKeyStore } from '../../src/storage/index.ts';
import type { FrontTarget } from '../../src/vault/front/service-front.ts';
import type { StoredImage } from '../../src/vault/images/image-vault.ts';
import type { Instance } from '../../src/vault/instances/instances.ts';
import type { KeyPlace, KeyState } from '../../src/vault/keys/key-state.ts';
import type { ServiceLogEntry } from '../../src/vault/logs/service-logs.ts';
import {
  openRunService,
  type OpenRunService,
  type RunServiceOptions,
} from '../../src/vault/services/open-run-service.ts';
import type { RunCaller } from '../../src/vault/services/run-service.ts';
import type {
  Condition,
  Revision,
  RevisionName,
  RevisionTemplate,
  Service,
  ServiceName,
  ServiceSpec,
} from '../../src/vault/services/service.ts';
import { testProviders } from './dek-bench.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

export const place: { readonly project: string; readonly location: string } = {
  project: 'p',
  location: 'us-central1',
};
export const hello: ServiceName = { ...place, serviceId: 'hello' };
export const runKey = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';
export const caller: RunCaller = { principal: 'dev@example.com' };

export function templateOf(
  change: Partial<RevisionTemplate> = {},
  image = 'img:1',
): RevisionTemplate {
  return {
    labels: {},
    annotations: {},
    container: { image, command: [], args: [], env: [], port: 0, limits: {} },
    containerConcurrency: 0,
    timeoutSeconds: 0,
    ...change,
  };
}

export function specOf(
  template: Partial<RevisionTemplate> = {},
  rest: Partial<Omit<ServiceSpec, 'template'>> & { image?: string } = {},
): ServiceSpec {
  const { image, ...others } = rest;
  return {
    labels: {},
    annotations: {},
    traffic: [],
    ...others,
    template: templateOf(template, image),
  };
}

/** Under the seed's key annotation. */
export function keyed(key: string = runKey): Partial<RevisionTemplate> {
  return { annotations: { 'run.googleapis.com/encryption-key': key } };
}

export function conditionOf(
  { conditions }: { readonly conditions: readonly Condition[] },
  type: string = 'Ready',
): Partial<Condition> {
  const { lastTransitionMs: _, ...found } = conditions.find((each) => each.type === type)!;
  return found;
}

export function statusesOf(shown: {
  readonly conditions: readonly Condition[];
}): Record<string, string> {
  return Object.fromEntries(shown.conditions.map(({ type, status }) => [type, status]));
}

/** What a revoked, throttled or unreachable key is known by. */
export function keyStateOf(change: Partial<KeyState> = {}): KeyState {
  return { condition: 'ENABLED', message: '', sinceMs: 1, checkedMs: 1, ...change };
}

export const disabledMessage: string = `User's CMEK key has been disabled. CMEK key: ${runKey}`;

/** A disk of rows that outlives processes, and stops answering those that died. */
class Disk {
  readonly rows: KeyStore;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(clock: VirtualClock) {
    this.rows = openMemoryKeyStore({ clock });
  }

  /** `isDead`: calls of a dead process never come back, and change nothing. */
  seenBy(isDead: () => boolean): MetaStore {
    const unless = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      if (isDead()) return new Promise<never>(() => undefined);
      const called = call();
      this.#underWay.add(called);
      const result = await called.finally(() => this.#underWay.delete(called));
      return isDead() ? new Promise<never>(() => undefined) : result;
    };
    return {
      get: (key) => unless(() => this.rows.get(key)),
      list: (prefix, options) => unless(() => this.rows.list(prefix, options)),
      txn: (checks, puts) => unless(() => this.rows.txn(checks, puts)),
    };
  }

  /** What was sent before a crash is written, or not, before the next process reads. */
  async rest(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}

type Refusal = RpcError | null;

/**
 * The service over parts that do as they are told. `crash` leaves the disk and nothing else;
 * `open` is the next process.
 */
export class RunServiceBench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly logs: ServiceLogEntry[] = [];
  readonly calls: string[] = [];
  readonly keys: Map<string, KeyState> = new Map();
  /** Asked before each import and each start: throws, waits, or neither. */
  onImport: (image: string, signal: AbortSignal) => Promise<void> | void = () => undefined;
  onStart: (revision: Revision, signal: AbortSignal) => Promise<void> | void = () => undefined;
  readonly registered: Set<string> = new Set();
  readonly watched: Map<string, number> = new Map();
  readonly running: Set<string> = new Set();
  targets: readonly FrontTarget[] = [];
  run!: OpenRunService;
  readonly #disk: Disk = new Disk(this.clock);
  readonly #options: Partial<RunServiceOptions>;
  readonly #entropy: SeededEntropy = new SeededEntropy(7);
  #kill: () => void = () => undefined;

  constructor(options: Partial<RunServiceOptions> = {}) {
    this.#options = options;
  }

  async open(): Promise<this> {
    let isDead = false;
    this.#kill = () => (isDead = true);
    const alive = <Result>(call: () => Promise<Result>): Promise<Result> =>
      isDead ? new Promise<never>(() => undefined) : call();
    const inner = this.#disk.seenBy(() => isDead);
    const key = testProviders().preferred.importKey(new Uint8Array(32).fill(7));
    this.run = openRunService({
      meta: openSealedMeta({ inner, key, entropy: this.#entropy }),
      clock: this.clock,
      entropy: this.#entropy,
      log: silentLogger,
      urlOf: (prefix) => `http://${prefix}.localhost:8085`,
      isApiHost: (host) => host === 'run.localhost',
      projectNumber: () => Promise.resolve('123456789012'),
      onTraffic: (targets) => void (isDead || (this.targets = targets)),
      logs: { append: (entry) => void (isDead || this.logs.push(entry)) },
      ...this.#keyParts(alive),
      ...this.#imageParts(alive, () => isDead),
      ...this.#options,
    });
    await this.run.resume();
    return this;
  }

  /** SIGKILL: what was awaited never comes. */
  async crash(): Promise<void> {
    this.#kill();
    await this.#disk.rest();
    this.registered.clear();
    this.watched.clear();
    this.running.clear();
    this.targets = [];
  }

  /** Lets deployments end; time moves while they wait. */
  async idle(): Promise<void> {
    let isIdle = false;
    const idle = this.run.idle().then(() => (isIdle = true));
    for (let minute = 0; minute < 60 && !isIdle; minute++) {
      await this.clock.settle(20);
      if (!isIdle) await this.clock.advance(10_000);
    }
    await idle;
  }

  async deployed(name: ServiceName, spec: ServiceSpec): Promise<Service> {
    await this.run.create(name, spec, {}, caller);
    await this.idle();
    return this.run.get(name);
  }

  async replaced(name: ServiceName, spec: ServiceSpec): Promise<Service> {
    await this.run.replace(name, spec, {}, caller);
    await this.idle();
    return this.run.get(name);
  }

  revision(revisionId: string, name: ServiceName = hello): Promise<Revision> {
    return this.run.getRevision({ ...name, revisionId });
  }

  notes(severity: string): (string | undefined)[] {
    return this.logs.filter((entry) => entry.severity === severity).map(({ text }) => text);
  }

  rowKeys(prefix: string): Promise<string[]> {
    return this.#disk.rows.list(prefix).then((rows) => rows.map(({ key }) => key));
  }

  refuseStarts(refusal: Refusal): void {
    this.onStart = () => {
      if (refusal !== null) throw refusal;
    };
  }

  refuseImports(refusal: Refusal): void {
    this.onImport = () => {
      if (refusal !== null) throw refusal;
    };
  }

  #state({ key }: KeyPlace): KeyState {
    return this.keys.get(key) ?? keyStateOf();
  }

  #keyParts(
    alive: <Result>(call: () => Promise<Result>) => Promise<Result>,
  ): Pick<RunServiceOptions, 'watch' | 'revocations' | 'layerKeys'> {
    const count = (change: number) => (at: KeyPlace) => {
      this.watched.set(at.key, (this.watched.get(at.key) ?? 0) + change);
    };
    return {
      watch: {
        check: (at) => alive(() => Promise.resolve(this.#state(at))),
        known: (at) => this.#state(at),
        watch: count(1),
        unwatch: count(-1),
      },
      revocations: {
        add: ({ name }) => alive(async () => void this.registered.add(name.revisionId)),
        remove: ({ revisionId }) => alive(async () => void this.registered.delete(revisionId)),
      },
      layerKeys: {
        shred: (uid) =>
          alive(async () => {
            this.calls.push(`shred ${uid}`);
            return 1;
          }),
      },
    };
  }

  #imageParts(
    alive: <Result>(call: () => Promise<Result>) => Promise<Result>,
    isDead: () => boolean,
  ): Pick<RunServiceOptions, 'images' | 'instances'> {
    return {
      images: {
        import: (owner, reference, progress, signal) =>
          alive(async () => {
            this.calls.push(`import ${reference}`);
            await this.onImport(reference, signal);
            const digest = `sha256:${reference}`;
            progress({ kind: 'resolved', digest, layers: 1 });
            progress({ kind: 'layer', index: 0, of: 1, state: 'stored' });
            return { owner, reference, digest } as StoredImage;
          }),
        release: (uid, keeps) =>
          alive(async () => void this.calls.push(`release ${uid} ${[...keeps].toSorted().join()}`)),
      },
      instances: {
        start: (revision, signal) =>
          alive(async () => {
            this.calls.push(`start ${revision.name.revisionId} ${revision.imageDigest}`);
            await this.onStart(revision, signal);
            if (isDead()) return new Promise<never>(() => undefined);
            this.running.add(revision.name.revisionId);
            return {} as Instance;
          }),
        stopRevision: ({ revisionId }: RevisionName) =>
          alive(async () => {
            this.calls.push(`stop ${revisionId}`);
            this.running.delete(revisionId);
          }),
        reports: () => Promise.resolve([]),
        forget: ({ serviceId }) => alive(async () => void this.calls.push(`forget ${serviceId}`)),
      },
    };
  }
}
