import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const root: string = join(import.meta.dirname, '..', '..');

/** How a command ended, and what it printed. */
export interface CliEnded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `sealpost` as a user runs it: a process of its own, told by variables which server is meant. */
export class CliProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ended: Promise<CliEnded>;
  readonly #said = { stdout: '', stderr: '' };
  readonly #listeners: Set<() => void> = new Set();

  constructor(argv: readonly string[], variables: Readonly<Record<string, string>>) {
    const { PATH = '', HOME = '' } = process.env;
    this.child = spawn(process.execPath, [join(root, 'bin', 'sealpost.js'), ...argv], {
      cwd: root,
      env: { PATH, HOME, ...variables },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A command that reads no input may end before it was given any.
    this.child.stdin.on('error', () => undefined);
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name].setEncoding('utf8');
      this.child[name].on('data', (text: string) => {
        this.#said[name] += text;
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      ...this.#said,
    }));
  }

  /** Resolves once it has printed something that fits. Rejects if it ends without. */
  async said(name: 'stdout' | 'stderr', pattern: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (pattern.test(this.#said[name])) resolve();
    };
    this.#listeners.add(look);
    look();
    const over = this.ended.then(({ code, stderr }) => {
      if (pattern.test(this.#said[name])) return;
      throw new Error(`it ended with ${code} before it said ${pattern}: ${stderr}`);
    });
    await Promise.race([promise, over]);
    this.#listeners.delete(look);
  }
}

/** Runs one command to its end; `input` is its standard input. */
export async function runCli(
  argv: readonly string[],
  { input = '', ...variables }: Readonly<Record<string, string>> = {},
): Promise<CliEnded> {
  const process = new CliProcess(argv, variables);
  process.child.stdin.end(input);
  return await process.ended;
}
