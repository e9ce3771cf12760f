import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { temporaryFolder } from './server-process.ts';

const found = ['bao', 'vault'].find((name) => spawnSync(name, ['version']).status === 0);

/** Whether an OpenBao or a HashiCorp Vault is installed. */
export const hasVault: boolean = found !== undefined;

export interface VaultAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A real OpenBao or Vault in its development mode, in memory, with a transit engine at `transit`. */
export class VaultProcess {
  readonly token = 'root-of-the-test';
  readonly #folder = temporaryFolder();
  #child: ChildProcess | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#port = await freePort();
    const listen = `-dev-listen-address=127.0.0.1:${this.#port}`;
    const argv = ['server', '-dev', '-dev-no-store-token', `-dev-root-token-id=${this.token}`];
    const env = { PATH: process.env['PATH'], HOME: this.#folder.path };
    this.#child = spawn(found ?? 'bao', [...argv, listen], { stdio: 'ignore', env });
    while (!(await this.#isReady()));
    await this.ask('POST', 'sys/mounts/transit', { type: 'transit' });
  }

  /** One request of an administrator. */
  async ask(method: string, path: string, body?: object): Promise<VaultAnswer> {
    const response = await fetch(`${this.url}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': this.token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  async stop(): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.kill('SIGKILL')) {
      await once(this.#child, 'close');
    }
    this.#folder.remove();
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/v1/sys/health`)).ok;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
      return false;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
