import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const program = 'gcloud';
const run = promisify(execFile);

export const hasGcloud: boolean =
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** The real command line of Google Cloud, told that everything it may ask is at one URL. */
export class Gcloud {
  readonly #url: () => string;
  readonly #folder: string;
  readonly #project: string;

  /** `folder` takes its configuration and must be the caller's own. */
  constructor(url: () => string, folder: string, project: string) {
    this.#url = url;
    this.#folder = folder;
    this.#project = project;
  }

  /** What it printed. Rejects with what it said if it fails. */
  async run(...argv: readonly string[]): Promise<string> {
    const { stdout } = await run(program, [...argv, '--quiet'], { env: this.#environment() });
    return stdout.trim();
  }

  /** The same for a command without spaces in its arguments. */
  async line(command: string): Promise<string> {
    return await this.run(...command.split(' '));
  }

  #environment(): NodeJS.ProcessEnv {
    // An API without override costs half a minute of DNS.
    const apis = ['CLOUDKMS', 'CLOUDRESOURCEMANAGER', 'IAM', 'PUBSUB', 'SERVICEUSAGE', 'LOGGING'];
    const url = `${this.#url()}/`;
    return {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: this.#folder,
      CLOUDSDK_CONFIG: this.#folder,
      CLOUDSDK_AUTH_ACCESS_TOKEN: 'none',
      CLOUDSDK_CORE_PROJECT: this.#project,
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
      CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_APIS: 'false',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
      ...Object.fromEntries(apis.map((api) => [`CLOUDSDK_API_ENDPOINT_OVERRIDES_${api}`, url])),
    };
  }
}
