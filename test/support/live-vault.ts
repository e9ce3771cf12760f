import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { DockerRegistry, hasDockerRegistry } from './docker-registry.ts';
import { LiveServer } from './live-server.ts';
import { makeImage, makeTar, writeImageLayout, type TarEntry } from './oci-image.ts';
import { temporaryFolder } from './server-process.ts';

const busybox = '/bin/busybox';

/** Whether images can be fetched and run here. */
export const canRunImages: boolean =
  hasDockerRegistry &&
  ['bwrap', busybox].every((program) => spawnSync(program, ['--help']).error === undefined);

export const needsImages = '(needs docker-registry, skopeo, bwrap and busybox-static)';

/** What a visitor of a service got. */
export interface Visit {
  readonly status: number;
  readonly text: string;
}

/** A condition of a service or of a revision. */
interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ServiceView {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
    };
  };
  readonly status: {
    readonly url: string;
    readonly latestReadyRevisionName: string;
    readonly latestCreatedRevisionName: string;
    readonly conditions: readonly ConditionView[];
  };
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The reference that the seed's page names; a mirror on loopback has it. */
export const helloImage = 'us-docker.pkg.dev/cloudrun/container/hello:latest';

const region = 'us-central1';

/** A server with the roles kms and vault, and a registry that stands in for Artifact Registry. */
export class LiveVault {
  readonly #folder = temporaryFolder();
  readonly #registry = new DockerRegistry();
  readonly #more: readonly string[];
  #server: LiveServer | undefined;

  /** `more` command line arguments. */
  constructor(more: readonly string[] = []) {
    this.#more = more;
  }

  async start(): Promise<void> {
    await this.#registry.start();
    await this.push('cloudrun/container/hello:latest', 'hello');
    const mirror = `us-docker.pkg.dev=http://${this.#registry.host}`;
    const argv = ['--roles', 'kms,vault', '--insecure', '--registry-mirror', mirror, ...this.#more];
    this.#server = new LiveServer(argv);
    await this.#server.start();
  }

  get server(): LiveServer {
    if (this.#server === undefined) throw new Error('the vault is not started');
    return this.#server;
  }

  get url(): string {
    return this.server.url;
  }

  /** Puts a web server into the registry whose page is `text`. */
  async push(name: string, text: string, more: readonly TarEntry[] = []): Promise<void> {
    const tar = await makeTar([
      { name: 'bin/', type: 'directory', mode: 0o755 },
      { name: 'bin/busybox', mode: 0o755, data: readFileSync(busybox) },
      { name: 'bin/sh', type: 'symlink', linkname: 'busybox' },
      { name: 'www/', type: 'directory', mode: 0o755 },
      { name: 'www/index.html', mode: 0o644, data: text },
      ...more,
    ]);
    const start = 'exec /bin/busybox httpd -f -v -p "$PORT" -h /www';
    const image = makeImage([tar], { config: { Entrypoint: ['/bin/sh', '-c', start] } });
    const layout = join(this.#folder.path, name.replaceAll(/[^a-z0-9]/g, '-'));
    writeImageLayout(layout, image);
    await this.#registry.push(`oci:${layout}:v1`, name);
  }

  /** A request of the REST API; `path` begins behind the origin. */
  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  }

  /** Like `curl SERVICE_URL`: to our port, under the service's host. */
  visit(serviceUrl: string, path: string = '/'): Promise<Visit> {
    const { hostname, port } = new URL(this.url);
    const headers = { host: new URL(serviceUrl).host };
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, path, headers, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.once('error', reject);
      });
      sent.once('error', reject).end();
    });
  }

  /** A key ring and a key in the region, which Run's service agent of the project may use. */
  async createKey(project: string, ring: string, key: string): Promise<string> {
    const parent = `projects/${project}/locations/${region}`;
    const ringName = `${parent}/keyRings/${ring}`;
    await this.call('POST', `v1/${parent}/keyRings?keyRingId=${ring}`, {});
    const purpose = { purpose: 'ENCRYPT_DECRYPT' };
    await this.call('POST', `v1/${ringName}/cryptoKeys?cryptoKeyId=${key}`, purpose);
    const name = `${ringName}/cryptoKeys/${key}`;
    await this.grant(name, project);
    return name;
  }

  /** `PROJECT_NUMBER@serverless-robot-prod.iam.gserviceaccount.com`, as the seed spells it. */
  async serviceAgent(project: string): Promise<string> {
    const { body } = await this.call('GET', `v1/projects/${project}`);
    return `${String(body['projectNumber'])}@serverless-robot-prod.iam.gserviceaccount.com`;
  }

  async grant(key: string, project: string): Promise<void> {
    const members = [`serviceAccount:${await this.serviceAgent(project)}`];
    const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
    await this.call('POST', `v1/${key}:setIamPolicy`, {
      policy: { bindings: [{ role, members }] },
    });
  }

  async revokeGrant(key: string): Promise<void> {
    await this.call('POST', `v1/${key}:setIamPolicy`, { policy: { bindings: [] } });
  }

  async setState(key: string, state: 'ENABLED' | 'DISABLED'): Promise<void> {
    const path = `v1/${key}/cryptoKeyVersions/1?updateMask=state`;
    const { status } = await this.call('PATCH', path, { state });
    if (status !== 200) throw new Error(`the version could not be set to ${state}`);
  }

  service(project: string, id: string): Promise<ServiceView> {
    return this.call('GET', `v1/projects/${project}/locations/${region}/services/${id}`).then(
      ({ body }) => body as unknown as ServiceView,
    );
  }

  /** Creates or replaces, and resolves to the answer: the deployment goes on. */
  async deploy(
    project: string,
    id: string,
    annotations: Readonly<Record<string, string>>,
    more: { readonly image?: string; readonly env?: readonly object[] } = {},
  ): Promise<Answer> {
    const parent = `v1/projects/${project}/locations/${region}/services`;
    const { image = helloImage, env = [] } = more;
    const body = {
      apiVersion: 'serving.knative.dev/v1',
      kind: 'Service',
      metadata: { name: id, namespace: project },
      spec: { template: { metadata: { annotations }, spec: { containers: [{ image, env }] } } },
    };
    const there = await this.call('GET', `${parent}/${id}`);
    return there.status === 404
      ? await this.call('POST', parent, body)
      : await this.call('PUT', `${parent}/${id}`, body);
  }

  /** The Ready condition of a service, once it is no longer unknown for its newest generation. */
  async settled(project: string, id: string): Promise<ConditionView> {
    for (;;) {
      const { metadata, status } = await this.service(project, id);
      const { observedGeneration } = status as unknown as Record<string, unknown>;
      const ready = status.conditions.find(({ type }) => type === 'Ready');
      if (ready !== undefined && ready.status !== 'Unknown') {
        if (metadata['generation'] === observedGeneration) return ready;
      }
      await this.#breath();
    }
  }

  /** Asks until the answer is as wanted; the test's own time limit is the only one. */
  async until<Value>(
    ask: () => Promise<Value>,
    isWanted: (value: Value) => boolean,
  ): Promise<Value> {
    for (;;) {
      const value = await ask();
      if (isWanted(value)) return value;
      await this.#breath();
    }
  }

  /** Entries of a project's logs, in the order of time. */
  async logEntries(project: string, filter: string): Promise<Record<string, unknown>[]> {
    const { body } = await this.call('POST', 'v2/entries:list', {
      resourceNames: [`projects/${project}`],
      filter,
      orderBy: 'timestamp asc',
      pageSize: 1000,
    });
    return (body['entries'] ?? []) as Record<string, unknown>[];
  }

  /** Between two looks, so that what is looked at gets the processor. */
  async #breath(): Promise<void> {
    const { clock } = this.server;
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonicMs() + 25, resolve);
    });
  }

  async stop(): Promise<void> {
    await this.#server?.remove();
    await this.#registry.stop();
    this.#folder.remove();
  }
}

/** A vault for all tests of the calling file. */
export function useLiveVault(more: readonly string[] = []): LiveVault {
  const vault = new LiveVault(more);
  beforeAll(() => (canRunImages ? vault.start() : undefined), 120_000);
  afterAll(() => vault.stop());
  return vault;
}
