import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { getuid } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { Clock, Logger } from '../../../runtime/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import { openIngress } from '../ingress.ts';
import type { InstanceDriver, InstanceSpec, RunningInstance } from '../instance-driver.ts';
import { bwrapArguments, bwrapCommand, bwrapFiles } from './bwrap-arguments.ts';
import { type ControlGroup, removeControlGroup } from './control-group.ts';
import { type ControlGroups, findControlGroups } from './control-groups.ts';
import { notFound, outputOf, spawnProgram, unusable } from './host-program.ts';
import { inheritedFiles } from './inherited-files.ts';
import { closedProcess, runningInstance } from './instance-process.ts';
import { InstanceRecords } from './instance-records.ts';
import { readLines } from './output-lines.ts';
import { prepareTree } from './prepared-tree.ts';
import { identityOf, signalProcess } from './process-identity.ts';
import { openUserNamespace, type UserNamespace } from './user-namespace.ts';

export interface DriverOptions {
  /** The vault's, in memory; the driver has a folder of its own in it. */
  readonly runtimeFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: what is found; null: none, as where they may not be written. */
  readonly groups?: ControlGroups | null;
}

/**
 * Instances in bubblewrap: as root each has 65,536 ids of its own; without root it has our id alone.
 * No system call is filtered; what they could reach is bounded by namespaces, by having no
 * capability and no way to one, and by having no further user namespace.
 */
export function createBwrapDriver(options: DriverOptions): InstanceDriver {
  return new BwrapDriver(options);
}

class BwrapDriver implements InstanceDriver {
  readonly name = 'bwrap';
  readonly mapsIds: boolean = getuid?.() === 0;
  readonly #records: InstanceRecords;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #groups: ControlGroups | null;

  constructor({ runtimeFolder, clock, log, groups }: DriverOptions) {
    this.#records = new InstanceRecords(runtimeFolder, this.name);
    this.#clock = clock;
    this.#log = log;
    this.#groups = groups === undefined ? findControlGroups(clock) : groups;
  }

  async check(): Promise<void> {
    const { text } = await outputOf('bwrap', ['--help']);
    if (!text.includes('--size') || !text.includes('--userns')) {
      throw unusable('Instances need bubblewrap 0.5 or later.');
    }
    for (const program of ['nsenter', 'prlimit']) await outputOf(program, ['--version']);
    const offset = this.mapsIds ? 0x7000_0000 : null;
    const users = await openUserNamespace({ offset, uid: 0, gid: 0 });
    users.close();
    if (this.#groups === null) {
      this.#log.warn({}, 'no control groups: memory and CPU time of instances have no limit');
    }
  }

  async start(spec: InstanceSpec): Promise<RunningInstance> {
    prepareTree(spec);
    const group = this.#groups?.create(`sealpost-${spec.id}`, spec.limits) ?? null;
    const folders = group?.folders ?? [];
    this.#records.write({ id: spec.id, processes: [], groups: folders });
    try {
      return await this.#run(spec, group);
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
      await removeControlGroup(groups, this.#clock);
      this.#records.remove(id);
    }
    return stale.length;
  }

  async #run(spec: InstanceSpec, group: ControlGroup | null): Promise<RunningInstance> {
    const { idOffset: offset, uid, gid } = spec;
    const users = await openUserNamespace({ offset, uid, gid });
    const keeper = this.#spawn(spec, users, group !== null);
    const closed = closedProcess(keeper);
    const failed = startFailure(keeper);
    try {
      for (const [name, stream] of outputs(keeper)) {
        readLines(stream, this.#clock, (line) => spec.onLine(name, line));
      }
      if (keeper.pid !== undefined) group?.add(keeper.pid);
      const info = firstProcess(keeper);
      const args = streamOf(keeper, bwrapFiles.args) as Writable;
      args.on('error', () => undefined);
      args.end(bwrapArguments(spec, group !== null));
      return await this.#attach(spec, keeper, closed, await Promise.race([info, failed]), group);
    } catch (error) {
      keeper.kill('SIGKILL');
      throw error;
    } finally {
      users.close();
    }
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
    const ingress = openIngress({ pid, socketPath, ports, entersUsers: !this.mapsIds });
    const parts = { spec, keeper, first, ingress, group };
    const { clock, log, records } = { clock: this.#clock, log: this.#log, records: this.#records };
    const running = runningInstance({ ...parts, clock, log, records }, closed);
    await ingress.isOpen;
    return running;
  }

  #spawn(spec: InstanceSpec, users: UserNamespace, isLimited: boolean): ChildProcess {
    // Memory of instances is not for the host's disk: 1 keeps core dumps from pipes, too.
    const processes = `--nproc=${spec.limits.pids}:${spec.limits.pids}`;
    const limits = ['--core=1:1', ...(isLimited ? [] : [processes])];
    const nothing = openSync('/dev/null', 'r+');
    try {
      const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', 'pipe', users.fd];
      stdio.push('pipe', 'pipe');
      for (const fd of inheritedFiles()) {
        while (stdio.length <= fd) stdio.push('ignore');
        if (fd > bwrapFiles.args) stdio[fd] = nothing;
      }
      const args = [...limits, '--', 'bwrap', ...bwrapCommand(spec.argv)];
      return spawnProgram('prlimit', args, { stdio, ...users.entry });
    } finally {
      closeSync(nothing);
    }
  }
}

function outputs(keeper: ChildProcess): (readonly ['stdout' | 'stderr', Readable])[] {
  return [
    ['stdout', keeper.stdout!],
    ['stderr', keeper.stderr!],
  ];
}

/** Node's types know of five descriptors only. */
function streamOf(keeper: ChildProcess, fd: number): unknown {
  return (keeper.stdio as readonly unknown[])[fd];
}

/** The pid, outside, of the first process inside. */
function firstProcess(keeper: ChildProcess): Promise<number> {
  const info = streamOf(keeper, bwrapFiles.info) as Readable;
  let text = '';
  return new Promise((resolve) => {
    info.on('error', () => undefined);
    info.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const pid = /"child-pid": (\d+)/.exec(text)?.[1];
      if (pid !== undefined && text.includes('}')) resolve(Number(pid));
    });
  });
}

function startFailure(keeper: ChildProcess): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    keeper.once('error', (error) => reject(notFound('prlimit', error)));
    keeper.once('exit', (code) => {
      const message = `The container could not be started: bubblewrap ended with ${code}.`;
      reject(new RpcError('FAILED_PRECONDITION', 'INSTANCE_START_FAILED', message));
    });
  });
  // It ends some time, mostly long after anybody waits for this.
  failure.catch(() => undefined);
  return failure;
}
