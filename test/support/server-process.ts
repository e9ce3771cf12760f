import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const root: string = join(import.meta.dirname, '..', '..');

/** How a process ended, and all that it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The `sealpost` command as a process of its own, on the Node that runs the test. */
export class SealpostProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Resolves when it has ended, however it ended. */
  readonly ended: Promise<Ended>;
  readonly #said = { stdout: '', stderr: '' };

  constructor(
    argv: readonly string[],
    options: { readonly nodeArguments?: readonly string[] } = {},
  ) {
    const command = [...(options.nodeArguments ?? []), join(root, 'bin', 'sealpost.js'), ...argv];
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    this.child = spawn(process.execPath, command, { cwd: root, stdio });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name].setEncoding('utf8');
      this.child[name].on('data', (text: string) => (this.#said[name] += text));
    }
    this.ended = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      ...this.#said,
    }));
  }

  /** The URL of the line that says that the server is ready. Throws if the process ends first. */
  async url(): Promise<string> {
    const lines = createInterface({ input: this.child.stdout });
    for await (const line of lines) {
      const [, url] = /^Sealpost is ready at (https?:\S+)$/.exec(line) ?? [];
      if (url !== undefined) return url;
    }
    throw new Error(`sealpost ended before it was ready:\n${(await this.ended).stderr}`);
  }

  /** Asks it to stop, and waits until it has. */
  stop(): Promise<Ended> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

/** A folder for one test's data and keys, and how to remove it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'sealpost-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
