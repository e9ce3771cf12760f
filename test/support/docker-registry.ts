import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Program } from '../../bench/servers/program.ts';

const run = promisify(execFile);
const commandMs = 120_000;

/** Whether Debian's docker-registry and skopeo are here. */
export const hasDockerRegistry: boolean = ['docker-registry', 'skopeo'].every(
  (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
);

export const needsDockerRegistry = '(needs docker-registry and skopeo)';

/** Debian's registry on a loopback port that the system chose, with its blobs in a folder of its own. */
export class DockerRegistry {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'sealpost-registry-'));
  #program: Program | undefined;
  #port = 0;

  /** `127.0.0.1:5055`. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<this> {
    const config = join(this.#folder, 'config.yml');
    writeFileSync(config, JSON.stringify(configFor(join(this.#folder, 'blobs'))));
    // The telemetry of some builds would look for a collector.
    const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' };
    this.#program = new Program({ command: 'docker-registry', args: ['serve', config], env });
    const [, port] = await this.#program.line(/listening on [^"]*:(\d+)/, 60);
    this.#port = Number(port);
    return this;
  }

  /**
   * Copies an image of a layout (`oci:/folder:v1`) to `name` (`demo/hello:v1`) by skopeo, all
   * platforms of an index; returns the reference. `format` turns its media types into another's.
   */
  async push(source: string, name: string, format?: 'oci' | 'v2s2'): Promise<string> {
    const wanted = format === undefined ? ['--all'] : ['--format', format];
    const target = `docker://${this.host}/${name}`;
    const flags = ['--insecure-policy', '--dest-tls-verify=false', ...wanted];
    await run('skopeo', ['copy', ...flags, source, target], { timeout: commandMs });
    return `${this.host}/${name}`;
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** JSON is YAML. */
function configFor(folder: string): object {
  return {
    version: 0.1,
    log: { level: 'info', formatter: 'text' },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'of this run only' },
  };
}
