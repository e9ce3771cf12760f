import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer, type Server } from '../../src/server.ts';
import { createAccountOffline } from '../../src/server/offline-account.ts';
import { JumpingClock } from './jumping-clock.ts';
import { temporaryFolder } from './server-process.ts';
import { hasOpenssl } from './test-certificates.ts';
import { TlsAuthority } from './tls-authority.ts';

/** A project of the tests, and the administrator that was there before anyone could call. */
const project = 'guarded-project';

/** A whole server in the test's process which asks who calls, over TLS: as it is run in earnest. */
export class GuardedServer {
  readonly project: string = project;
  readonly admin: string = `operator@${project}.iam.gserviceaccount.com`;
  readonly clock: JumpingClock = new JumpingClock();
  readonly authority: TlsAuthority = new TlsAuthority();
  readonly #folder = temporaryFolder();
  readonly #more: readonly string[];
  #server: Server | undefined;

  constructor(more: readonly string[] = []) {
    this.#more = more;
  }

  async start(): Promise<void> {
    const { certFile, keyFile } = this.authority.server();
    // The first start makes the directory, and an address that accounts can be made for.
    const first = await startServer(this.#config('0'), this.#ports);
    await first.stop();
    const port = String(first.port);
    const offline = {
      project,
      id: 'operator',
      displayName: '',
      serverUrl: `https://localhost:${port}`,
    };
    const { credentials } = await createAccountOffline(this.#config(port), offline, this.#ports);
    writeFileSync(this.adminFile, credentials, { mode: 0o600 });
    const tls = ['--tls-cert', certFile, '--tls-key', keyFile];
    const access = ['--authentication', 'required', '--admin', `serviceAccount:${this.admin}`];
    this.#server = await startServer(
      this.#config(port, ...tls, ...access, ...this.#more),
      this.#ports,
    );
  }

  get port(): number {
    return this.#server!.port;
  }

  /** Under a name, as certificates have them. */
  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** A Google credentials file of the administrator's. */
  get adminFile(): string {
    return this.at('operator.json');
  }

  /** A place for a file of the test's. */
  at(name: string): string {
    return join(this.#folder.path, name);
  }

  async remove(): Promise<void> {
    await this.#server?.stop();
    this.authority.remove();
    this.#folder.remove();
  }

  get #ports(): { clock: JumpingClock; log: typeof silentLogger } {
    return { clock: this.clock, log: silentLogger };
  }

  #config(port: string, ...more: string[]): ReturnType<typeof parseConfig> {
    const dataDir = join(this.#folder.path, 'data');
    return parseConfig(
      ['--port', port, '--data-dir', dataDir, '--drain-seconds', '1', ...more],
      {},
    );
  }
}

/** A server for all tests of the calling file; they are skipped where openssl is absent. */
export function useGuardedServer(more: readonly string[] = []): () => GuardedServer {
  let server: GuardedServer | undefined;
  beforeAll(async () => {
    if (!hasOpenssl) return;
    server = new GuardedServer(more);
    await server.start();
  });
  afterAll(() => server?.remove());
  return () => server!;
}
