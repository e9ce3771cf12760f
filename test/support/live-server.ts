import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer, type Server } from '../../src/server.ts';
import { JumpingClock } from './jumping-clock.ts';
import { temporaryFolder } from './server-process.ts';
import type { TestedServer } from './tested-server.ts';

/** The whole server in the test's own process: a real port, a real disk, a clock that can jump. */
export class LiveServer implements TestedServer {
  readonly projectSuffix = '';
  readonly clock: JumpingClock = new JumpingClock();
  readonly #folder = temporaryFolder();
  #more: readonly string[];
  #server: Server | undefined;
  #port = 0;

  /** `more` command line arguments. */
  constructor(more: readonly string[] = []) {
    this.#more = more;
  }

  async start(): Promise<void> {
    const argv = ['--port', String(this.#port), '--data-dir', this.dataDir, ...this.#more];
    if (!this.#more.includes('--drain-seconds')) argv.push('--drain-seconds', '1');
    const ports = { clock: this.clock, log: silentLogger };
    this.#server = await startServer(parseConfig(argv, {}), ports);
    this.#port = this.#server.port;
  }

  get dataDir(): string {
    return join(this.#folder.path, 'data');
  }

  /** Everything that it answers. */
  get served(): Server['served'] {
    return this.#server!.served;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Host and port, as gRPC clients take it. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Stops in order and starts on the same port and directory, with other arguments if given. */
  async restart(more: readonly string[] = this.#more): Promise<void> {
    await this.stop();
    this.#more = more;
    await this.start();
  }

  async pass(ms: number): Promise<void> {
    // What is on its way arrives before its deadline does: the answer to a ping, for one.
    await this.#turn();
    this.clock.jump(ms);
    await this.#turn();
  }

  /** Everything that was due runs, and sockets are read. */
  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.clock.schedule(this.clock.monotonicMs(), resolve);
    });
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.url}/metrics`)).text();
  }

  async remove(): Promise<void> {
    await this.stop();
    this.#folder.remove();
  }
}

/** A server for all tests of the calling file. */
export function useLiveServer(more: readonly string[] = []): LiveServer {
  const server = new LiveServer(more);
  beforeAll(() => server.start());
  afterAll(() => server.remove());
  return server;
}
