import { RpcError } from '../../rpc/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { Instance, Instances } from '../instances/instances.ts';
import type { KeyPlace, KeyState, KeyWatch } from '../keys/key-state.ts';
import type { ServiceLogs } from '../logs/service-logs.ts';
import { revisionNameOf, type Revision, type RevisionName } from '../services/service.ts';
import { RevisionPool, type PoolSurroundings } from './revision-pool.ts';
import type { Admission } from './waiting-line.ts';

export interface ScalerOptions {
  readonly instances: Instances;
  /** Rejects if there is no such revision. */
  readonly revision: (name: RevisionName) => Promise<Revision>;
  readonly watch: KeyWatch;
  readonly logs: ServiceLogs;
  readonly clock: Clock;
  readonly log: Logger;
  /** An instance beyond the minimum that had no request for so long is stopped. */
  readonly idleMs: number;
  /** Instances of all services, those that start and stop included. */
  readonly instancesMax: number;
}

/** Decides how many instances every revision has, and finds each request a place in one. */
export class Scaler {
  readonly #options: ScalerOptions;
  readonly #pools: Map<string, Promise<RevisionPool>> = new Map();
  /** Those whose revision is known. */
  readonly #open: Map<string, RevisionPool> = new Map();
  readonly #starved: Set<RevisionPool> = new Set();
  /** What was last said of a key in the log of a revision. */
  readonly #told: WeakMap<RevisionPool, string> = new WeakMap();
  readonly #around: PoolSurroundings;
  readonly #stopListening: (() => void)[];
  #routed: ReadonlyMap<string, RevisionName> = new Map();
  #isQuiet = false;

  constructor(options: ScalerOptions) {
    this.#options = options;
    const { instances, clock, idleMs, watch } = options;
    this.#around = {
      instances,
      clock,
      idleMs,
      latest: ({ name }) => options.revision(name),
      isKeyGood: (revision) => !this.#isQuiet && this.#badKey(revision) === undefined,
      room: () => this.#room(),
      starved: (pool) => this.#onStarved(pool),
      relaxed: (pool) => this.#onRelaxed(pool),
      startFailed: (revision, error) => this.#onStartFailed(revision, error),
      keyRefused: (revision) => this.#tellKey(revision),
    };
    this.#stopListening = [
      instances.onChange((instance, isReady) => void (isReady && this.#adopt(instance))),
      watch.onChange((place, state) => this.#onKey(place, state)),
    ];
    for (const instance of instances.running()) void this.#adopt(instance);
  }

  /** Which revisions requests can reach from now on; the others end with their requests. */
  update(routed: ReadonlyMap<string, RevisionName>): void {
    this.#routed = routed;
    for (const [key, pool] of this.#open) pool.route(routed.has(key));
    for (const name of routed.values()) {
      void this.#pool(name).catch((error: unknown) =>
        this.#options.log.warn({ err: error, revision: name.revisionId }, 'no such revision'),
      );
    }
    this.#sweep();
  }

  /** The revision that a request is for; rejects if there is none. */
  async pool(name: RevisionName): Promise<RevisionPool> {
    return this.#open.get(revisionNameOf(name)) ?? (await this.#pool(name));
  }

  /** A place in an instance of a revision. */
  async admit(name: RevisionName, signal: AbortSignal): Promise<Admission> {
    return (await this.pool(name)).admit(signal);
  }

  /** Starts nothing any more; requests that wait for a start are refused. */
  quiesce(): void {
    this.#isQuiet = true;
    for (const pool of this.#open.values()) pool.giveUp();
  }

  close(): void {
    this.quiesce();
    for (const stop of this.#stopListening) stop();
    for (const pool of this.#open.values()) pool.close();
  }

  #pool(name: RevisionName): Promise<RevisionPool> {
    const key = revisionNameOf(name);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = this.#openPool(key, name);
      this.#pools.set(key, pool);
      pool.catch(() => this.#pools.delete(key));
    }
    return pool;
  }

  async #openPool(key: string, name: RevisionName): Promise<RevisionPool> {
    const revision = await this.#options.revision(name);
    const routing = this.#routed.has(key) ? 'routed' : 'fresh';
    const pool = new RevisionPool(revision, routing, this.#around);
    this.#open.set(key, pool);
    for (const instance of this.#options.instances.running(name)) pool.adopt(instance);
    pool.reconcile();
    return pool;
  }

  async #adopt(instance: Instance): Promise<void> {
    const pool = await this.#pool(instance.revision).catch(() => undefined);
    // It may have ended while its revision was looked up.
    const running = this.#options.instances.running(instance.revision);
    if (running.some(({ id }) => id === instance.id)) pool?.adopt(instance);
  }

  #sweep(): void {
    for (const [key, pool] of this.#open) {
      if (!pool.isSpent) continue;
      pool.close();
      this.#open.delete(key);
      this.#pools.delete(key);
      this.#starved.delete(pool);
    }
  }

  #room(): number {
    let used = 0;
    for (const pool of this.#open.values()) used += pool.size;
    return this.#options.instancesMax - used;
  }

  /** Room for requests that wait is made where an instance has had nothing to do for longest. */
  #onStarved(pool: RevisionPool): void {
    this.#starved.add(pool);
    if (pool.waiting === 0 || this.#room() > 0) return;
    const pools = [...this.#open.values()];
    if (pools.some(({ isShrinking }) => isShrinking)) return;
    const others = pools.filter((other) => other.spareSinceMs !== undefined);
    const idlest = others.toSorted((a, b) => a.spareSinceMs! - b.spareSinceMs!)[0];
    if (idlest !== undefined && idlest !== pool) idlest.stopSpare();
  }

  #onRelaxed(pool: RevisionPool): void {
    if (pool.isSpent) this.#sweep();
    if (this.#starved.size === 0) return;
    const starved = [...this.#starved];
    this.#starved.clear();
    for (const hungry of starved) hungry.reconcile();
  }

  #onKey(place: KeyPlace, state: KeyState): void {
    for (const pool of this.#open.values()) {
      const own = placeOf(pool.revision);
      if (own?.key !== place.key || own.project !== place.project) continue;
      pool.keyChanged(state.condition === 'ENABLED' && !this.#isQuiet);
    }
  }

  /** What is known of a key that is not good. */
  #badKey(revision: Revision): KeyState | undefined {
    const place = placeOf(revision);
    const state = place && this.#options.watch.known(place);
    return state?.condition === 'ENABLED' ? undefined : state;
  }

  /** Why a request was refused, once for each thing that happened to the key. */
  #tellKey(revision: Revision): void {
    const pool = this.#open.get(revisionNameOf(revision.name));
    const state = this.#badKey(revision);
    if (pool === undefined || state === undefined) return;
    const told = `${state.condition} ${state.sinceMs}`;
    if (this.#told.get(pool) === told) return;
    this.#told.set(pool, told);
    this.#write(revision.name, state.message);
  }

  /** Its owner reads of it in the service's log, where `Instances` has written why. */
  #onStartFailed({ name }: Revision, error: unknown): void {
    const { log } = this.#options;
    const fields = { err: error, revision: name.revisionId };
    if (error instanceof RpcError) log.info(fields, 'instance did not start');
    else log.error(fields, 'instance did not start');
  }

  #write(revision: RevisionName, text: string): void {
    const timeMs = this.#options.clock.wallMs();
    this.#options.logs.append({ log: 'varlog/system', severity: 'ERROR', revision, timeMs, text });
  }
}

function placeOf({ name, settings }: Revision): KeyPlace | undefined {
  return settings.encryption === null
    ? undefined
    : { project: name.project, key: settings.encryption.key };
}
