import { afterAll, beforeAll } from 'vitest';

import { LiveServer } from './live-server.ts';
import type { TarEntry } from './oci-image.ts';
import { canRunImages, PageRegistry } from './page-registry.ts';
import { RunClient } from './run-client.ts';

export { canRunImages, needsImages } from './page-registry.ts';
export { helloImage } from './run-client.ts';
export type { Answer, ServiceView, Visit } from './run-client.ts';

/** A server with the roles kms and vault, and a registry that stands in for Artifact Registry. */
export class LiveVault extends RunClient {
  readonly #registry = new PageRegistry();
  readonly #more: readonly string[];
  #server: LiveServer | undefined;

  /** `more` command line arguments. */
  constructor(more: readonly string[] = []) {
    super();
    this.#more = more;
  }

  async start(): Promise<void> {
    await this.#registry.start();
    const mirror = `us-docker.pkg.dev=http://${this.#registry.host}`;
    const argv = ['--roles', 'kms,vault', '--insecure', '--registry-mirror', mirror, ...this.#more];
    this.#server = new LiveServer(argv);
    await this.#server.start();
  }

  get server(): LiveServer {
    if (this.#server === undefined) throw new Error('the vault is not started');
    return this.#server;
  }

  override get url(): string {
    return this.server.url;
  }

  /** Puts a web server into the registry whose page is `text`; `before`: shell commands before it. */
  push(name: string, text: string, more: readonly TarEntry[] = [], before = ''): Promise<void> {
    return this.#registry.push(name, text, { more, before });
  }

  async stop(): Promise<void> {
    await this.#server?.remove();
    await this.#registry.stop();
  }
}

/** A vault for all tests of the calling file. */
export function useLiveVault(more: readonly string[] = []): LiveVault {
  const vault = new LiveVault(more);
  beforeAll(() => (canRunImages ? vault.start() : undefined), 120_000);
  afterAll(() => vault.stop());
  return vault;
}
