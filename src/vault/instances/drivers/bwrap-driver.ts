import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { getuid } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { InstanceDriver, InstanceSpec } from '../instance-driver.ts';
import { bwrapArguments, bwrapCommand, bwrapFiles } from './bwrap-arguments.ts';
import { outputOf, spawnProgram, unusable } from './host-program.ts';
import { inheritedFiles } from './inherited-files.ts';
import { type DriverOptions, type Launch, type Sandbox, SandboxDriver } from './sandbox-driver.ts';
import { openUserNamespace, type UserNamespace } from './user-namespace.ts';

/**
 * Instances in bubblewrap: as root each has 65,536 ids of its own; without root it has our id alone.
 * No system call is filtered; what they could reach is bounded by namespaces, by having no
 * capability and no way to one, and by having no further user namespace.
 */
export function createBwrapDriver(options: DriverOptions): InstanceDriver {
  return new SandboxDriver(new Bubblewrap(), options);
}

class Bubblewrap implements Sandbox {
  readonly name = 'bwrap';
  readonly mapsIds: boolean = getuid?.() === 0;

  async check(): Promise<void> {
    const { text } = await outputOf('bwrap', ['--help']);
    if (!text.includes('--size') || !text.includes('--userns')) {
      throw unusable('Instances need bubblewrap 0.5 or later.');
    }
    await outputOf('prlimit', ['--version']);
    const users = await openUserNamespace({
      offset: this.mapsIds ? trialIds : null,
      uid: 0,
      gid: 0,
    });
    users.close();
  }

  async launch({ spec, group, onKeeper }: Launch): Promise<number> {
    const { idOffset: offset, uid, gid } = spec;
    const users = await openUserNamespace({ offset, uid, gid });
    try {
      const keeper = this.#spawn(spec, users, group !== null);
      const { failed } = onKeeper(keeper);
      const begun = firstProcess(keeper);
      // It waits for its arguments, and so is in its group before anything of the instance is.
      if (keeper.pid !== undefined) group?.add(keeper.pid);
      const args = streamOf(keeper, bwrapFiles.args) as Writable;
      args.on('error', () => undefined);
      args.end(bwrapArguments(spec, group !== null));
      return await Promise.race([begun, failed]);
    } finally {
      users.close();
    }
  }

  /** It remembers nothing. */
  discard(): Promise<void> {
    return Promise.resolve();
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

/** Any that are not used: to see whether they may be. */
const trialIds = 0x7000_0000;

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
