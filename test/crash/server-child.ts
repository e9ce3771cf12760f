import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository: string = join(import.meta.dirname, '..', '..');

/** How a child process ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server as a process of its own, which may die at any moment. */
export class ServerChild {
  readonly child: ChildProcess;
  readonly ended: Promise<ChildEnd>;
  /** Resolves to the URL of the line that says that it is ready; null if it ended before. */
  readonly ready: Promise<string | null>;
  hasEnded = false;
  stdout = '';
  stderr = '';

  constructor(command: string, argv: readonly string[]) {
    this.child = spawn(command, argv, { cwd: repository, stdio: ['pipe', 'pipe', 'pipe'] });
    // Writing to a process that was killed is no fault of the test.
    this.child.stdin?.on('error', () => undefined);
    const ready = Promise.withResolvers<string | null>();
    this.ready = ready.promise;
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      const [, url] = /^Sealpost is ready at (http:\S+)$/m.exec(this.stdout) ?? [];
      if (url !== undefined) ready.resolve(url);
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.hasEnded = true;
      ready.resolve(null);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** The URL; throws with what it said if it ended before it was ready. */
  async url(): Promise<string> {
    const url = await this.ready;
    if (url === null) throw new Error(`the server ended before it was ready:\n${this.stderr}`);
    return url;
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ChildEnd> {
    this.kill(signal);
    return await this.ended;
  }
}

/** A TypeScript program of the tests on the Node that runs them. */
export function programChild(program: URL, argv: readonly string[]): ServerChild {
  return new ServerChild(process.execPath, [fileURLToPath(program), ...argv]);
}

/** `sealpost serve` on a port that the system chooses. */
export function sealpostChild(dataDir: string, ...argv: readonly string[]): ServerChild {
  const command = [join(repository, 'bin', 'sealpost.js'), 'serve', '--port', '0'];
  return new ServerChild(process.execPath, [...command, '--data-dir', dataDir, ...argv]);
}
