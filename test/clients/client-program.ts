import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { temporaryFolder } from '../support/server-process.ts';

const run = promisify(execFile);

export interface Program {
  readonly command: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** A program that can run, or why this machine has none: a toolchain or a registry that is not there. */
export type Readiness =
  | { readonly program: Program; readonly remove: () => void }
  | { readonly missing: string };

export const folderOf = (client: string): string => join(import.meta.dirname, client);

export function isInstalled(program: string, ...argv: readonly string[]): boolean {
  return spawnSync(program, argv, { stdio: 'ignore' }).status === 0;
}

/** What a program printed. Throws with all that it said if it fails or takes too long. */
export async function outputOf(
  { command, argv, env }: Program,
  more: NodeJS.ProcessEnv = {},
  timeout = 280_000,
): Promise<string> {
  const { stdout } = await run(command, argv, {
    env: { ...process.env, ...env, ...more },
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: 16 << 20,
  });
  return stdout;
}

/** How the package clients say that nobody answered; anything else is a mistake in this folder. */
const unreachable =
  /no such host|dial tcp|i\/o timeout|connection refused|network is unreachable|Temporary failure in name resolution|NewConnectionError|ConnectTimeoutError|Unknown host|Could not transfer artifact|Connect(ion)? timed out|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/;

/**
 * Makes a program from its sources in a folder of its own. Packages come from the registry or from
 * the package client's usual cache; without either, the program is missing.
 */
export async function prepared(
  language: string,
  make: (folder: string) => Promise<Program>,
): Promise<Readiness> {
  const folder = temporaryFolder();
  try {
    return { program: await make(folder.path), remove: () => folder.remove() };
  } catch (error) {
    folder.remove();
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (!unreachable.test(`${stdout}${stderr}`)) throw error;
    return { missing: `the registry of ${language} is out of reach` };
  }
}
