import type { LiveVault, ServiceView } from './live-vault.ts';

/** A service's hour; so long that no test gets there but by a jump of the clock. */
const hourMs = 100_000;
export const dayMs = 86_400_000;
/** Longer than all hours of a test. */
const idleMs = 600_000;

const pace = ['--vault-hour-ms', String(hourMs), '--vault-check-seconds', '1'];
/** Options of the vaults that are tested with it. */
export const benchOptions: readonly string[] = [
  ...pace,
  '--vault-idle-seconds',
  String(idleMs / 1000),
];

const keyAnnotation = 'run.googleapis.com/encryption-key';
const actionAnnotation = 'run.googleapis.com/post-key-revocation-action-type';
const hoursAnnotation = 'run.googleapis.com/encryption-key-shutdown-hours';

type Ready = ServiceView['status']['conditions'][number];

/** Each thing that an owner may choose for the revocation of a key. */
const services: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kept: { [actionAnnotation]: 'prevent-new' },
  unset: {},
  shut: { [actionAnnotation]: 'shut-down', [hoursAnnotation]: '1' },
  'shut-late': { [actionAnnotation]: 'shut-down', [hoursAnnotation]: '2' },
};

/** Services of every action under one key, and what is seen of them. */
export class RevocationBench {
  readonly #vault: LiveVault;
  #serial = 0;

  constructor(vault: LiveVault) {
    this.#vault = vault;
  }

  /** `kept`, `unset`, `shut` and `shut-late`, each with one instance; their URLs, in that order. */
  async deployAll(
    project: string,
    key: string,
    ids: readonly string[] = Object.keys(services),
  ): Promise<string[]> {
    const deploying = ids.map(async (id) => {
      const ready = await this.deployed(project, id, key, services[id] ?? {});
      if (ready.status !== 'True') throw new Error(`${id}: ${ready.message ?? ''}`);
      return await this.urlOf(project, id);
    });
    return Promise.all(deploying);
  }

  /** `cold`, which ran once: no instance is left when it resolves. */
  async deployCold(project: string, key: string): Promise<void> {
    await this.deployed(project, 'cold', key, {});
    await this.#vault.server.pass(idleMs);
    await this.stopped(project, 'cold');
  }

  /** How the deployment of a service, or of its next revision, ended. */
  async deployed(
    project: string,
    id: string,
    key: string,
    annotations: Readonly<Record<string, string>>,
  ): Promise<Ready> {
    const env = [{ name: 'SERIAL', value: String(++this.#serial) }];
    await this.#vault.deploy(project, id, { ...annotations, [keyAnnotation]: key }, { env });
    return await this.#vault.settled(project, id);
  }

  /** The next revision of one of `deployAll`'s. */
  deployAgain(project: string, id: string, key: string): Promise<Ready> {
    return this.deployed(project, id, key, services[id] ?? {});
  }

  async urlOf(project: string, id: string): Promise<string> {
    return (await this.#vault.service(project, id)).status.url;
  }

  async until(project: string, id: string, isWanted: (ready: Ready) => boolean): Promise<Ready> {
    return this.#vault.until(() => this.#vault.settled(project, id), isWanted);
  }

  notReady(project: string, id: string): Promise<Ready> {
    return this.until(project, id, ({ status }) => status === 'False');
  }

  ready(project: string, id: string): Promise<Ready> {
    return this.until(project, id, ({ status }) => status === 'True');
  }

  says(project: string, id: string, text: string): Promise<Ready> {
    return this.until(project, id, ({ message }) => message === text);
  }

  /** What visitors of each get. */
  async statuses(urls: readonly string[]): Promise<number[]> {
    return Promise.all(urls.map(async (url) => (await this.#vault.visit(url)).status));
  }

  async serves(url: string): Promise<void> {
    await this.#vault.until(
      () => this.#vault.visit(url),
      ({ status }) => status === 200,
    );
  }

  /** A little more than so many hours of services. */
  passHours(hours: number): Promise<void> {
    return this.#vault.server.pass(hours * hourMs + 1_000);
  }

  /**
   * Resolves when all answer again. The key is checked at once and again: of what an external
   * manager does nobody is told.
   */
  async serveAgain(project: string, key: string, urls: readonly string[]): Promise<void> {
    await this.#vault.until(
      async () => {
        await this.#vault.grant(key, project);
        return await this.statuses(urls);
      },
      (statuses) => statuses.every((status) => status === 200),
    );
  }

  /** Resolves when no instance of a service is left. */
  async stopped(project: string, id: string): Promise<void> {
    await this.#vault.until(
      () => this.#vault.instances(project, id),
      (all) => all.every(({ state }) => state === 'STOPPED'),
    );
  }

  /** How many instances a service ever had. */
  async startsOf(project: string, id: string): Promise<number> {
    return (await this.#vault.instances(project, id)).length;
  }

  /** The announcements of shutdowns, once there are so many. */
  announced(project: string, count: number): Promise<string[]> {
    return this.noted(project, /^Instances of revision \S+ will be shut down at /, count);
  }

  cancelled(project: string, count: number): Promise<string[]> {
    return this.noted(project, /^The shutdown of revision \S+ at \S+ is cancelled\.$/, count);
  }

  /** Entries of the services' logs, once there are so many. */
  async noted(project: string, wanted: RegExp | string, count: number = 1): Promise<string[]> {
    const isWanted = (text: string): boolean =>
      typeof wanted === 'string' ? text === wanted : wanted.test(text);
    const ask = async (): Promise<string[]> =>
      (await this.#vault.systemLog(project)).filter(isWanted);
    return this.#vault.until(ask, ({ length }) => length >= count);
  }
}
