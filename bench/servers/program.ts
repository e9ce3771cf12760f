import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { SystemClock } from '../../src/runtime/index.ts';

const clock = new SystemClock();
/** A vault gives its instances ten seconds, and must then take plaintext out of memory. */
const stopMs = 30_000;
const running = new Set<ChildProcess>();

// However the bench ends, nothing that it started outlives it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A server process under measurement; what it prints is read for a line, never shown. */
export class Program {
  readonly #child: ChildProcess;
  #output = '';
  #listeners: (() => void)[] = [];

  constructor(options: ProgramOptions) {
    this.#child = spawn(options.command, options.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    running.add(this.#child);
    this.#child.once('exit', () => {
      running.delete(this.#child);
      this.#wake();
    });
    this.#child.once('error', () => this.#wake());
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (chunk: Buffer) => this.#hear(chunk));
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first match in what it printed so far or will print. */
  async line(pattern: RegExp, secondsMax: number): Promise<RegExpExecArray> {
    const endMs = clock.monotonicMs() + secondsMax * 1000;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      const hasEnded = this.#child.exitCode !== null || this.#child.pid === undefined;
      if (hasEnded || clock.monotonicMs() > endMs) {
        throw new Error(`${this.#child.spawnfile} did not start: ${this.#output.slice(-2000)}`);
      }
      await this.#somethingWithin(endMs);
    }
  }

  /** Ends it politely, and after half a minute for certain. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const cancel = clock.schedule(clock.monotonicMs() + stopMs, () => this.#child.kill('SIGKILL'));
    await exited;
    cancel();
  }

  #hear(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString()).slice(-65_536);
    this.#wake();
  }

  #wake(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  #somethingWithin(endMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.schedule(endMs, resolve);
      this.#listeners.push(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when something accepts connections on the port. */
export async function accepting(port: number, secondsMax: number): Promise<void> {
  const endMs = clock.monotonicMs() + secondsMax * 1000;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    if (clock.monotonicMs() > endMs) throw new Error(`nothing listens on port ${String(port)}`);
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(clock.monotonicMs() + ms, resolve));
}
