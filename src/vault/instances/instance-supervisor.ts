import { constants } from 'node:os';
import { join } from 'node:path';
import { RpcError } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { VaultObserver } from '../observer.ts';
import { type Revision, type RevisionName, revisionNameOf } from '../services/service.ts';
import { idsPerInstance } from './drivers/user-namespace.ts';
import { failsLiveness } from './health.ts';
import { exitMessage, exitReason } from './instance-messages.ts';
import { InstanceRows } from './instance-rows.ts';
import {
  StartFailure,
  type Started,
  startInstance,
  type StartParts,
  throwIfCancelled,
  unhealthy,
} from './instance-start.ts';
import type { Instance, InstanceReport, Instances } from './instances.ts';
import { LiveInstance } from './live-instance.ts';
import { defaultMemory, memoryBytesOf } from './resource-quantity.ts';
import { RuntimeFolder } from './runtime-folder.ts';
import { removeTree } from './tree-removal.ts';

export interface InstancesOptions extends StartParts {
  readonly meta: MetaStore;
  readonly entropy: Entropy;
  readonly observer: VaultObserver;
  /** In memory (tmpfs), 60 bytes of path at most; the driver's as well. */
  readonly runtimeFolder: string;
  readonly limits: {
    /** Of one opened image, whatever is free. */
    readonly treeBytesMax: number;
    /** Processes and threads of one instance. */
    readonly pidsMax: number;
  };
}

/** What the composition does with them besides. */
export interface OpenedInstances extends Instances {
  /** Drops what is remembered of a service that is gone. Its instances must have been stopped. */
  forget(service: Pick<RevisionName, 'project' | 'location' | 'serviceId'>): Promise<void>;
  /** Those that start, run or stop, of all services. */
  live(): readonly InstanceReport[];
  /** Stops all, and leaves nothing in memory. */
  close(): Promise<void>;
}

/**
 * Ids of instances, outside: 4,094 ranges that systemd's registry of ids keeps free, so that they
 * are no user's, no container manager's and no dynamic service's.
 */
const idsFrom = 0x7000_0000;
const slotsMax = 4094;

/**
 * Checks the driver and the folder, ends and removes whatever an earlier vault left, and accounts for
 * it. Throws RpcError FAILED_PRECONDITION for a driver or a folder that will not do.
 */
export async function openInstances(options: InstancesOptions): Promise<OpenedInstances> {
  const { driver, meta, log, clock, entropy, runtimeFolder } = options;
  await driver.check();
  const folder = RuntimeFolder.open(runtimeFolder, entropy);
  try {
    const processes = await driver.sweep();
    const trees = await folder.sweep();
    const rows = new InstanceRows(meta, log);
    const crashed = await rows.load(clock.wallMs());
    const left = { processes, trees, crashed };
    if (processes + trees + crashed > 0) log.warn(left, 'an earlier vault left instances: swept');
    return new InstanceSupervisor(options, folder, rows);
  } catch (error) {
    await folder.release();
    throw error;
  }
}

class InstanceSupervisor implements OpenedInstances {
  readonly #options: InstancesOptions;
  readonly #folder: RuntimeFolder;
  readonly #rows: InstanceRows;
  readonly #live = new Map<string, LiveInstance>();
  readonly #slots = new Set<number>();
  readonly #listeners = new Set<(instance: Instance, isReady: boolean) => void>();
  #drain: string | null = null;

  constructor(options: InstancesOptions, folder: RuntimeFolder, rows: InstanceRows) {
    this.#options = options;
    this.#folder = folder;
    this.#rows = rows;
  }

  async start(revision: Revision, signal: AbortSignal): Promise<Instance> {
    const live = this.#admit(revision);
    const cancel = (): void => live.starting.abort(signal.reason);
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel);
    try {
      return this.#ready(live, await startInstance(this.#options, this.#placeOf(live)));
    } catch (error) {
      throw await this.#fail(live, error);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async stop(id: string, why: string): Promise<void> {
    const live = this.#live.get(id);
    if (live !== undefined) await this.#stop(live, why);
  }

  async stopRevision(revision: RevisionName, why: string): Promise<void> {
    const name = revisionNameOf(revision);
    const all = [...this.#live.values()].filter((each) => nameOf(each) === name);
    await Promise.all(all.map((each) => this.#stop(each, why)));
  }

  async stopAll(why: string): Promise<void> {
    this.#drain = why;
    await Promise.all([...this.#live.values()].map((each) => this.#stop(each, why)));
  }

  running(revision?: RevisionName): readonly Instance[] {
    const name = revision && revisionNameOf(revision);
    const all = [...this.#live.values()].filter(
      (each) => each.isReady && (name === undefined || nameOf(each) === name),
    );
    return all.map(({ instance }) => instance);
  }

  async reports(filter: Parameters<Instances['reports']>[0]): Promise<readonly InstanceReport[]> {
    const own = this.live().filter(
      ({ revision }) =>
        revision.project === filter.project &&
        revision.location === filter.location &&
        revision.serviceId === filter.serviceId,
    );
    return [...own, ...this.#rows.ended(filter).toReversed()];
  }

  live(): readonly InstanceReport[] {
    const reports = [...this.#live.values()].flatMap(({ report }) => report ?? []);
    return reports.filter(({ state }) => state !== 'STOPPED');
  }

  onChange(listener: (instance: Instance, isReady: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async forget(service: Parameters<OpenedInstances['forget']>[0]): Promise<void> {
    await this.#rows.forget(service);
  }

  async close(): Promise<void> {
    await this.stopAll('vault stopped');
    await this.#folder.release();
  }

  #admit(revision: Revision): LiveInstance {
    if (this.#drain !== null) {
      throw new RpcError('UNAVAILABLE', 'VAULT_STOPPING', `No instance starts: ${this.#drain}.`);
    }
    let slot = 0;
    while (this.#slots.has(slot)) slot++;
    if (slot >= slotsMax) {
      const message = `No more than ${slotsMax} instances run at a time.`;
      throw new RpcError('RESOURCE_EXHAUSTED', 'INSTANCES_EXHAUSTED', message);
    }
    const id = Buffer.from(draw(this.#options.entropy, 10)).toString('hex');
    const live = new LiveInstance(id, revision, slot);
    this.#slots.add(slot);
    this.#live.set(id, live);
    return live;
  }

  #placeOf(live: LiveInstance): Parameters<typeof startInstance>[1] {
    const { driver, clock, limits } = this.#options;
    const idOffset = driver.mapsIds ? idsFrom + live.slot * idsPerInstance : null;
    return {
      id: live.id,
      revision: live.revision,
      idOffset,
      pidsMax: limits.pidsMax,
      begin: async () => {
        await this.#rows.write(live.begin(driver.name, clock.wallMs()));
        const folder = await this.#folder.makeTreeFolder(live.id, idOffset);
        const bytesMax = Math.min(limits.treeBytesMax, this.#folder.freeBytes());
        return { root: join(folder, 'root'), bytesMax };
      },
      onRunning: (running) => live.run(running),
      signal: live.starting.signal,
    };
  }

  #ready(live: LiveInstance, { times, bytes }: Started): Instance {
    throwIfCancelled(live.starting.signal);
    if (live.exit !== null) throw unhealthy(live.revision);
    live.ready(times, bytes);
    this.#options.observer.started(live.revision.name, 'ready', times);
    this.#store(live);
    this.#tell(live, true);
    void live.running?.exited.then(() => this.#onExit(live));
    void this.#watchLiveness(live);
    return live.instance;
  }

  /** Ends what there is of it, and gives what callers are told. */
  async #fail(live: LiveInstance, thrown: unknown): Promise<RpcError> {
    const failure =
      thrown instanceof StartFailure ? thrown : new StartFailure('failed', RpcError.from(thrown));
    const { outcome, error } = failure;
    if (live.exit !== null) this.#say(live, 'ERROR', this.#exitMessage(live));
    await live.terminate(this.#options.clock, false);
    await this.#remove(
      live,
      live.exit && outcome === 'unhealthy' ? exitReason(live.exit) : outcome,
    );
    this.#options.observer.started(live.revision.name, outcome, null);
    if (error.code !== 'CANCELLED') this.#say(live, 'ERROR', error.message);
    return error;
  }

  #stop(live: LiveInstance, why: string): Promise<void> {
    if (!live.isReady && live.stopping === null) {
      live.starting.abort(why);
      return live.gone;
    }
    return this.#end(live, why, true);
  }

  #end(live: LiveInstance, why: string, isGentle: boolean): Promise<void> {
    live.stopping ??= (async () => {
      live.end(why);
      live.become('STOPPING');
      this.#store(live);
      this.#tell(live, false);
      await live.terminate(this.#options.clock, isGentle);
      await this.#remove(live, why);
      this.#options.observer.stopped(live.revision.name, why);
    })();
    return live.stopping;
  }

  async #onExit(live: LiveInstance): Promise<void> {
    if (live.stopping !== null || live.exit === null) return;
    this.#say(live, 'ERROR', this.#exitMessage(live));
    await this.#end(live, exitReason(live.exit), false);
  }

  async #watchLiveness(live: LiveInstance): Promise<void> {
    const { clock } = this.#options;
    const { container } = live.revision.template;
    const running = live.running;
    if (running === null || container.livenessProbe === undefined) return;
    const say = (severity: 'INFO' | 'ERROR', text: string): void => this.#say(live, severity, text);
    const signal = live.ending.signal;
    const isOver = await failsLiveness({ container, running, clock, say, signal });
    if (isOver) await this.#end(live, 'liveness probe failed', false);
  }

  async #remove(live: LiveInstance, why: string): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await removeTree(this.#folder.treeFolder(live.id));
      this.#slots.delete(live.slot);
    } catch (error) {
      // Its ids are not given to another while files of it are there.
      log.error({ err: error, instance: live.id }, 'the tree of an instance was not removed');
    }
    const report = live.become('STOPPED', { stoppedMs: clock.wallMs(), why });
    if (report !== null) await this.#rows.tryWrite(report);
    this.#live.delete(live.id);
    live.vanish();
  }

  #store({ report }: LiveInstance): void {
    if (report !== null) void this.#rows.tryWrite(report);
  }

  #tell({ instance }: LiveInstance, isReady: boolean): void {
    for (const listener of this.#listeners) listener(instance, isReady);
  }

  #say({ id, revision }: LiveInstance, severity: 'INFO' | 'ERROR', text: string): void {
    const { logs, clock } = this.#options;
    const entry = { revision: revision.name, instanceId: id, timeMs: clock.wallMs() };
    logs.append({ log: 'varlog/system', severity, text, ...entry });
  }

  #exitMessage({ exit, revision }: LiveInstance): string {
    if (exit === null) return '';
    const memory = revision.template.container.limits['memory'] ?? defaultMemory;
    const signal = constants.signals[exit.signal as NodeJS.Signals] ?? 0;
    return exitMessage(exit, memoryBytesOf(memory), signal);
  }
}

function nameOf({ revision }: LiveInstance): string {
  return revisionNameOf(revision.name);
}
