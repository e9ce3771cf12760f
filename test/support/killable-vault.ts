import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { HoldingProxy } from './holding-proxy.ts';
import { PageRegistry } from './page-registry.ts';
import { RunClient } from './run-client.ts';
import { SealpostProcess, temporaryFolder } from './server-process.ts';

/** A process, and when it began: its id alone may be another's later. */
export interface SeenProcess {
  readonly pid: string;
  readonly startTicks: string;
}

/** A vault as a process of its own, which is killed and started again with the same data. */
export class KillableVault extends RunClient {
  readonly registry: PageRegistry = new PageRegistry();
  readonly #folder = temporaryFolder();
  readonly #runtimeFolder = mkdtempSync('/dev/shm/sealpost-test-');
  readonly #more: readonly string[];
  #proxy: HoldingProxy | undefined;
  #process: SealpostProcess | undefined;
  #url = '';

  /** `more` command line arguments. */
  constructor(more: readonly string[] = []) {
    super();
    this.#more = more;
  }

  override get url(): string {
    return this.#url;
  }

  get proxy(): HoldingProxy {
    if (this.#proxy === undefined) throw new Error('there is no registry yet');
    return this.#proxy;
  }

  /** The registry, and the first life. */
  async begin(): Promise<void> {
    await this.registry.start();
    this.#proxy = new HoldingProxy(this.registry.host);
    await this.#proxy.start();
    await this.start();
  }

  /** The next life. */
  async start(): Promise<void> {
    const place = ['--port', '0', '--data-dir', this.dataDir, '--drain-seconds', '1'];
    const roles = ['--roles', 'kms,vault', '--insecure'];
    const mirror = `us-docker.pkg.dev=http://${this.proxy.host}`;
    const memory = ['--vault-runtime-dir', this.#runtimeFolder, '--registry-mirror', mirror];
    const argv = ['serve', ...place, ...roles, ...memory, ...this.#more];
    this.#process = new SealpostProcess(argv);
    this.#url = await this.#process.url();
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#process?.child.kill('SIGKILL');
    await this.#process?.ended;
  }

  /** SIGTERM; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return (await this.#process?.stop())?.code ?? null;
  }

  async end(): Promise<void> {
    await this.kill();
    await this.#proxy?.stop();
    await this.registry.stop();
    this.#folder.remove();
    rmSync(this.#runtimeFolder, { recursive: true, force: true });
  }

  get dataDir(): string {
    return join(this.#folder.path, 'data');
  }

  /** Files that hold the bytes, of all that is on the disk. */
  onDisk(bytes: Buffer): string[] {
    return filesWith(this.#folder.path, bytes);
  }

  /** Files that hold the bytes, of all that is in memory. */
  inMemory(bytes: Buffer): string[] {
    return filesWith(this.#runtimeFolder, bytes);
  }

  /** Files in memory, and trees of instances. */
  leftInMemory(): string[] {
    const all = readdirSync(this.#runtimeFolder, { recursive: true, withFileTypes: true });
    const left = all.filter((each) => !each.isDirectory() || each.parentPath.includes('/trees'));
    return left.map(({ parentPath, name }) => join(parentPath, name));
  }
}

function filesWith(folder: string, bytes: Buffer): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((each) => each.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  return paths.filter((path) => readFileSync(path).includes(bytes));
}

/** Processes, of whatever user, that run an instance of a service. */
export function processesOf(service: string): SeenProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (!variables.includes(`K_SERVICE=${service}`)) return [];
      return [{ pid, startTicks: startTicksOf(pid) }];
    } catch {
      // It has ended, or is not ours to look at.
      return [];
    }
  });
}

function startTicksOf(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
