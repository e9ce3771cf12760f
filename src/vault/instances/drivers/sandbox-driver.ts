import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { RpcError } from '../../../rpc/index.ts';
import type { Clock, Logger } from '../../../runtime/index.ts';
import { openIngress } from '../ingress.ts';
import type { InstanceDriver, InstanceSpec, RunningInstance } from '../instance-driver.ts';
import { type ControlGroup, removeControlGroup } from './control-group.ts';
import { type ControlGroups, findControlGroups } from './control-groups.ts';
import { notFound, outputOf } from './host-program.ts';
import { closedProcess, runningInstance } from './instance-process.ts';
import { InstanceRecords } from './instance-records.ts';
import { readLines } from './output-lines.ts';
import { prepareTree } from './prepared-tree.ts';
import { identityOf, signalProcess } from './process-identity.ts';

export interface DriverOptions {
  /** The vault's, in memory; the driver has a folder of its own in it. */
  readonly runtimeFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: what is found; null: none, as where they may not be written. */
  readonly groups?: ControlGroups | null;
}

/** What one start of a sandbox is given. */
export interface Launch {
  readonly spec: InstanceSpec;
  readonly group: ControlGroup | null;
  /** A path for a folder of its own, which is removed with the instance. */
  readonly workPath: string;
  /**
   * To be told of the program that runs the instance, at once when it was spawned: from then on its
   * output is read, and `failed` rejects if it ends before the instance has begun.
   */
  readonly onKeeper: (keeper: ChildProcess) => { readonly failed: Promise<never> };
}

/** A program that makes sandboxes. */
export interface Sandbox {
  readonly name: 'bwrap' | 'runc';
  readonly mapsIds: boolean;
  check(groups: ControlGroups | null): Promise<void>;
  /** Resolves with the pid, outside, of the first process inside. */
  launch(launch: Launch): Promise<number>;
  /** What the program itself remembers of an instance whose keeper died. */
  discard(id: string): Promise<void>;
}

/** What drivers have in common: trees, limits, output, ingress, records and what a crash leaves. */
export class SandboxDriver implements InstanceDriver {
  readonly name: Sandbox['name'];
  readonly mapsIds: boolean;
  readonly #sandbox: Sandbox;
  readonly #records: InstanceRecords;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #groups: ControlGroups | null;

  constructor(sandbox: Sandbox, { runtimeFolder, clock, log, groups }: DriverOptions) {
    this.name = sandbox.name;
    this.mapsIds = sandbox.mapsIds;
    this.#sandbox = sandbox;
    this.#records = new InstanceRecords(runtimeFolder, this.name);
    this.#clock = clock;
    this.#log = log;
    this.#groups = groups === undefined ? findControlGroups(clock) : groups;
  }

  async check(): Promise<void> {
    await outputOf('nsenter', ['--version']);
    await this.#sandbox.check(this.#groups);
    if (this.#groups === null) {
      this.#log.warn({}, 'no control groups: memory and CPU time of instances have no limit');
    }
  }

  async start(spec: InstanceSpec): Promise<RunningInstance> {
    prepareTree(spec);
    const group = this.#groups?.create(`sealpost-${spec.id}`, spec.limits) ?? null;
    try {
      this.#records.write({ id: spec.id, processes: [], groups: group?.folders ?? [] });
      return await this.#launch(spec, group);
    } catch (error) {
      await group?.remove();
      this.#records.remove(spec.id);
      throw error;
    }
  }

  async sweep(): Promise<number> {
    const stale = this.#records.stale();
    for (const { id, processes, groups } of stale) {
      for (const each of processes) signalProcess(each, 'SIGKILL');
      await this.#sandbox.discard(id);
      await removeControlGroup(groups, this.#clock);
      this.#records.remove(id);
    }
    return stale.length;
  }

  async #launch(spec: InstanceSpec, group: ControlGroup | null): Promise<RunningInstance> {
    let keeper: ChildProcess | undefined;
    let closed: ReturnType<typeof closedProcess> | undefined;
    const onKeeper = (child: ChildProcess): { failed: Promise<never> } => {
      keeper = child;
      closed = closedProcess(child);
      this.#readOutput(spec, child);
      return { failed: startFailure(this.name, child) };
    };
    try {
      const workPath = this.#records.workPath(spec.id);
      const pid = await this.#sandbox.launch({ spec, group, workPath, onKeeper });
      return await this.#attach(spec, keeper!, closed!, pid, group);
    } catch (error) {
      keeper?.kill('SIGKILL');
      await closed;
      await this.#sandbox.discard(spec.id);
      throw error;
    }
  }

  #readOutput(spec: InstanceSpec, keeper: ChildProcess): void {
    const read = (name: 'stdout' | 'stderr', stream: Readable): void =>
      readLines(stream, this.#clock, (line) => spec.onLine(name, line));
    read('stdout', keeper.stdout!);
    read('stderr', keeper.stderr!);
  }

  async #attach(
    spec: InstanceSpec,
    keeper: ChildProcess,
    closed: ReturnType<typeof closedProcess>,
    pid: number,
    group: ControlGroup | null,
  ): Promise<RunningInstance> {
    const first = identityOf(pid) ?? { pid, startTicks: 'ended' };
    const own = identityOf(keeper.pid!);
    const processes = own === null ? [first] : [first, own];
    this.#records.write({ id: spec.id, processes, groups: group?.folders ?? [] });
    const socketPath = this.#records.socketPath(spec.id);
    const ports = [...new Set([spec.port, ...(spec.probePorts ?? [])])];
    const ingress = openIngress({ first, socketPath, ports, entersUsers: !this.mapsIds });
    const parts = { spec, keeper, first, ingress, group, records: this.#records };
    const running = runningInstance({ ...parts, clock: this.#clock, log: this.#log }, closed);
    // Without it nothing could reach the instance, nor end it if we died.
    void ingress.closed.then(() => signalProcess(first, 'SIGKILL'));
    await ingress.isOpen;
    return running;
  }
}

function startFailure(name: string, keeper: ChildProcess): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    keeper.once('error', (error) => reject(notFound(name, error)));
    keeper.once('exit', (code) => {
      const message = `The container could not be started: ${name} ended with ${code}.`;
      reject(new RpcError('FAILED_PRECONDITION', 'INSTANCE_START_FAILED', message));
    });
  });
  // It ends some time, mostly long after anybody waits for this.
  failure.catch(() => undefined);
  return failure;
}
