import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { RpcError } from '../../../rpc/index.ts';

/**
 * What programs of the host see of ours. Nothing else of our environment: neither secrets, nor what
 * would change how they work.
 */
export const programEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
};

/** The error that says what is missing to run instances. */
export function unusable(message: string, cause?: unknown): RpcError {
  return new RpcError('FAILED_PRECONDITION', 'INSTANCE_DRIVER_UNUSABLE', message, { cause });
}

/** What a program wrote, whatever it was, at most 64 KiB. Throws if it is not there. */
export async function outputOf(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawnProgram(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const take = (chunk: Buffer): void => {
    if (text.length < 65_536) text += chunk.toString('latin1');
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const code = await closed(child);
  return { code, text };
}

/** Starts a program with nothing of our environment, in the root folder. */
export function spawnProgram(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return spawn(program, args, { cwd: '/', env: programEnvironment, ...options });
}

function closed(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(notFound(child.spawnfile, error)));
    child.once('close', (code) => resolve(code));
  });
}

export function notFound(program: string, error: Error): RpcError {
  const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = isAbsent ? 'is not installed' : `does not start: ${error.message}`;
  return unusable(`Instances need ${program}, which ${why}.`, error);
}
