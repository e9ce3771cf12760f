import { join } from 'node:path';

import { SealpostProcess, temporaryFolder } from './server-process.ts';

/** `sealpost serve --roles kms` as a process of its own, which a test can kill and start again. */
export class KeyProcess {
  readonly #folder = temporaryFolder();
  #process: SealpostProcess | undefined;
  #port = '0';

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On the port of its last life, if it had one; resolves when it accepts connections. */
  async start(): Promise<void> {
    const data = ['--data-dir', join(this.#folder.path, 'data'), '--log-level', 'error'];
    const argv = ['serve', '--roles', 'kms', '--host', '127.0.0.1', '--port', this.#port, ...data];
    this.#process = new SealpostProcess([...argv, '--drain-seconds', '1']);
    this.#port = new URL(await this.#process.url()).port;
  }

  /** SIGKILL: nothing is said to anyone. */
  async kill(): Promise<void> {
    this.#process?.child.kill('SIGKILL');
    await this.#process?.ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#folder.remove();
  }
}
