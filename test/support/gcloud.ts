import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const program = 'gcloud';
const run = promisify(execFile);

function succeeds(command: string, ...argv: readonly string[]): boolean {
  return spawnSync(command, argv, { stdio: 'ignore' }).status === 0;
}

export const hasGcloud: boolean = succeeds(program, '--version');

export const gcloudRegion = 'us-central1';

/** The names by which `gcloud run` calls a server whose override is `run.localhost`. */
const runHosts: readonly string[] = ['run.localhost', `${gcloudRegion}-run.localhost`];

const knowsRunHosts = runHosts.every((host) => succeeds('getent', 'hosts', host));

/** Whether `gcloud run` can find a server here: by those names, or by a hosts file of its own. */
export const canGcloudRun: boolean =
  hasGcloud &&
  (knowsRunHosts || succeeds('unshare', '-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts'));

/** What runs its arguments under the hosts file that it is given first. */
const underHosts = 'mount --bind "$0" /etc/hosts && exec "$@"';

const lack = hasGcloud
  ? 'no hosts file can be mounted for gcloud alone'
  : 'gcloud is not installed';

/** What the name of a test ends with that cannot do without it. */
export const gcloudRunExcuse: string = canGcloudRun ? '' : ` (skipped: ${lack})`;

/** The real command line of Google Cloud, told that everything it may ask is at one URL. */
export class Gcloud {
  readonly #url: () => string;
  readonly #folder: string;
  readonly #project: string;
  readonly #hosts: string | undefined;

  /**
   * `folder` takes its configuration and must be the caller's own. With `hosts` it knows
   * the names by which `gcloud run` calls: where `canGcloudRun` is true.
   */
  constructor(
    url: () => string,
    folder: string,
    project: string,
    { hosts = false }: { readonly hosts?: boolean } = {},
  ) {
    this.#url = url;
    this.#folder = folder;
    this.#project = project;
    this.#hosts = hosts && !knowsRunHosts ? join(folder, 'hosts') : undefined;
    if (this.#hosts !== undefined) {
      writeFileSync(this.#hosts, `127.0.0.1 localhost ${runHosts.join(' ')}\n`);
    }
  }

  /** What it printed. Rejects with what it said if it fails. */
  async run(...argv: readonly string[]): Promise<string> {
    return (await this.#spawn(argv)).stdout.trim();
  }

  /** What it told its user meanwhile. Rejects as `run` does. */
  async told(...argv: readonly string[]): Promise<string> {
    return (await this.#spawn(argv)).stderr.trim();
  }

  /** The same for a command without spaces in its arguments. */
  async line(command: string): Promise<string> {
    return await this.run(...command.split(' '));
  }

  /** What a script of a page printed that calls it, in the folder. Rejects as `run` does. */
  async script(text: string): Promise<string> {
    const options = { env: this.#environment(), cwd: this.#folder };
    return (await run('sh', ['-ec', text], options)).stdout.trim();
  }

  async #spawn(argv: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const options = { env: this.#environment() };
    const own = [...argv, '--quiet'];
    if (this.#hosts === undefined) return await run(program, own, options);
    const shell = ['-m', 'sh', '-c', underHosts, this.#hosts, program];
    return await run('unshare', [...shell, ...own], options);
  }

  #environment(): NodeJS.ProcessEnv {
    // An API without override costs half a minute of DNS.
    const apis = [
      'ARTIFACTREGISTRY',
      'CLOUDKMS',
      'CLOUDRESOURCEMANAGER',
      'IAM',
      'LOGGING',
      'PUBSUB',
      'SERVICEUSAGE',
    ];
    const url = `${this.#url()}/`;
    const { port } = new URL(url);
    return {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: this.#folder,
      CLOUDSDK_CONFIG: this.#folder,
      CLOUDSDK_AUTH_ACCESS_TOKEN: 'none',
      CLOUDSDK_CORE_PROJECT: this.#project,
      CLOUDSDK_RUN_REGION: gcloudRegion,
      // It puts the region before the name.
      CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN: `http://run.localhost:${port}/`,
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
      CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_APIS: 'false',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      ...Object.fromEntries(apis.map((api) => [`CLOUDSDK_API_ENDPOINT_OVERRIDES_${api}`, url])),
    };
  }
}
