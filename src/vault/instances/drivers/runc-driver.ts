import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { assert } from '../../../runtime/index.ts';
import type { InstanceDriver } from '../instance-driver.ts';
import type { ControlGroups } from './control-groups.ts';
import { outputOf, programEnvironment, spawnProgram, unusable } from './host-program.ts';
import { runcConfig } from './runc-bundle.ts';
import { type DriverOptions, type Launch, type Sandbox, SandboxDriver } from './sandbox-driver.ts';

/**
 * Instances in runc, for root on a machine whose control groups we may write. What dies with us in
 * bubblewrap goes on here until the next sweep: runc does not notice the end of its caller.
 */
export function createRuncDriver(options: DriverOptions): InstanceDriver {
  return new SandboxDriver(new Runc(join(options.runtimeFolder, 'runc-state')), options);
}

class Runc implements Sandbox {
  readonly name = 'runc';
  readonly mapsIds = true;
  /** Where runc itself keeps what it knows of its containers. */
  readonly #state: string;

  constructor(state: string) {
    this.#state = state;
  }

  async check(groups: ControlGroups | null): Promise<void> {
    const { code, text } = await outputOf('runc', ['--version']);
    if (code !== 0) throw unusable(`Instances need runc, which fails: ${text.trim()}`);
    if (getuid?.() !== 0) throw unusable('Instances in runc need root; bubblewrap does not.');
    if (groups === null) {
      throw unusable(
        'Instances in runc need control groups that may be written; bubblewrap does not.',
      );
    }
  }

  async launch({ spec, group, workPath, onKeeper }: Launch): Promise<number> {
    assert(spec.idOffset !== null && group !== null, 'runc runs as root, in groups of ours');
    mkdirSync(workPath, { mode: 0o700 });
    const pidPath = join(workPath, 'pid');
    const config = runcConfig(spec, {
      idOffset: spec.idOffset,
      groupPath: group.pathBelow('box'),
      pidPath,
      environment: programEnvironment,
    });
    writeFileSync(join(workPath, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    const begun = fileIn(workPath, 'pid');
    try {
      const args = ['--root', this.#state, 'run', '--bundle', workPath, spec.id];
      const keeper = spawnProgram('runc', args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const { failed } = onKeeper(keeper);
      return Number(await Promise.race([begun.text, failed]));
    } finally {
      begun.close();
    }
  }

  async discard(id: string): Promise<void> {
    await outputOf('runc', ['--root', this.#state, 'delete', '--force', id]);
  }
}

/** The text of a file, as soon as it is renamed into place. */
function fileIn(folder: string, name: string): { text: Promise<string>; close: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const watcher = watch(folder, (_, changed) => {
    if (changed !== name) return;
    try {
      resolve(readFileSync(join(folder, name), 'utf8').trim());
    } catch {
      // The event was of its removal.
    }
  });
  return { text: promise, close: () => watcher.close() };
}
