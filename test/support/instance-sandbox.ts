import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import type { DriverOptions } from '../../src/vault/instances/drivers/sandbox-driver.ts';
import type {
  InstanceDriver,
  InstanceSpec,
  RunningInstance,
} from '../../src/vault/instances/instance-driver.ts';

const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync) ?? '';
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** Debian's busybox-static: a tree of one file. */
const hasBusybox: boolean = busybox !== '' && isStatic(readFileSync(busybox));
export const hasBwrap: boolean = hasBusybox && has('bwrap');
export const hasRunc: boolean = hasBusybox && process.getuid?.() === 0 && has('runc');

/** Whether a 64-bit ELF file asks for no interpreter (program header of type 3). */
function isStatic(file: Buffer): boolean {
  const at = Number(file.readBigUInt64LE(32));
  const [size, count] = [file.readUInt16LE(54), file.readUInt16LE(56)];
  return !Array.from({ length: count }, (_, index) => at + index * size).some(
    (header) => file.readUInt32LE(header) === 3,
  );
}

const idBase = 0x7000_0000;

/** One instance of a test: a busybox, and what it printed. */
export interface TestInstance {
  readonly running: RunningInstance;
  readonly root: string;
  readonly lines: string[];
  /** All that it printed, once it has ended. */
  readonly output: () => Promise<string>;
}

/** Trees with a busybox, run by a driver, in memory. */
export class InstanceSandbox {
  readonly folder: string = mkdtempSync('/dev/shm/sealpost-test-');
  readonly driver: InstanceDriver;
  readonly #running: RunningInstance[] = [];
  #count = 0;

  constructor(
    create: (options: DriverOptions) => InstanceDriver,
    options: Partial<DriverOptions> = {},
  ) {
    chmodSync(this.folder, 0o711);
    const runtimeFolder = this.folder;
    const clock = new SystemClock();
    this.driver = create({ runtimeFolder, clock, log: silentLogger, ...options });
  }

  /** Runs a script by busybox' shell, in which every applet is a command. */
  async run(script: string, change: Partial<InstanceSpec> = {}): Promise<TestInstance> {
    const id = `t${this.#count++}`;
    const idOffset = this.driver.mapsIds ? idBase + this.#count * 65_536 : null;
    const root = layOut(join(this.folder, id), idOffset);
    const lines: string[] = [];
    const running = await this.driver.start({
      id,
      root,
      argv: ['/bin/sh', '-c', script],
      env: { PATH: '/bin' },
      cwd: '/',
      uid: 1000,
      gid: 1000,
      idOffset,
      hostname: 'localhost',
      port: 8080,
      limits: { memoryBytes: 64 * 2 ** 20, cpuMillis: 1000, pids: 64 },
      onLine: (_, line) => lines.push(line),
      ...change,
    });
    this.#running.push(running);
    const output = async (): Promise<string> => {
      await running.exited;
      return lines.join('\n');
    };
    return { running, root, lines, output };
  }

  async close(): Promise<void> {
    for (const running of this.#running) {
      running.signal('SIGKILL');
      await running.exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A tree with busybox under all its names, owned by the instance's root. */
export function layOut(folder: string, idOffset: number | null): string {
  const root = join(folder, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync(busybox, join(root, 'bin', 'busybox'));
  chmodSync(join(root, 'bin', 'busybox'), 0o755);
  spawnSync(busybox, ['--install', '-s', join(root, 'bin')]);
  const names = readdirSync(join(root, 'bin'));
  if (!names.includes('sh')) throw new Error('busybox was not installed');
  spawnSync('sh', [
    '-c',
    `cd ${root}/bin && for f in *; do [ "$f" = busybox ] || ln -sf busybox "$f"; done`,
  ]);
  if (idOffset !== null) {
    for (const path of [folder, root, join(root, 'bin')]) lchownSync(path, idOffset, idOffset);
  }
  chmodSync(folder, 0o700);
  chmodSync(root, 0o755);
  return root;
}

/** What an HTTP server inside answers; waits until it listens. */
export async function askInstance(running: RunningInstance, path: string): Promise<string> {
  for (;;) {
    try {
      const socket = await running.connect();
      socket.end(`GET ${path} HTTP/1.0\r\n\r\n`);
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      return text;
    } catch {
      const isOver = await Promise.race([
        running.exited.then(() => true),
        new Promise<false>((resolve) => setImmediate(() => resolve(false))),
      ]);
      if (isOver) throw new Error('the instance ended');
    }
  }
}
