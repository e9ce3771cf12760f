import { request } from 'node:http';

import { SystemClock } from '../../src/runtime/index.ts';

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

export interface InstanceView {
  readonly id: string;
  readonly state: 'STARTING' | 'READY' | 'STOPPING' | 'STOPPED';
  readonly startTime: string;
  readonly stopTime?: string;
  readonly reason?: string;
}

/** The reference that the seed's page names; a mirror on loopback has it. */
export const helloImage = 'us-docker.pkg.dev/cloudrun/container/hello:latest';

const region = 'us-central1';
/** What time may be made to jump for is not what a test waits by. */
const clock = new SystemClock();

/** The Run API, Cloud KMS and Logging over REST, and services as their visitors see them. */
export abstract class RunClient {
  abstract get url(): string;

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

  async destroyVersion(key: string): Promise<void> {
    // A key that something is sealed under is destroyed only by somebody who says so.
    const labels = { 'sealpost-destroy-in-use': 'allow' };
    await this.call('PATCH', `v1/${key}?updateMask=labels`, { labels });
    const path = `v1/${key}/cryptoKeyVersions/1:destroy`;
    const { status } = await this.call('POST', path, {});
    if (status !== 200) throw new Error('the version could not be destroyed');
  }

  /** A version that was scheduled for destruction can be used again. */
  async restoreVersion(key: string): Promise<void> {
    await this.call('POST', `v1/${key}/cryptoKeyVersions/1:restore`, {});
    await this.setState(key, 'ENABLED');
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

  /** What the vault itself said in the logs of a project's services. */
  async systemLog(project: string): Promise<string[]> {
    const entries = await this.logEntries(project, 'logName:"varlog%2Fsystem"');
    return entries.map(({ textPayload }) => String(textPayload));
  }

  /** Those that run first, then those that ended, the latest first. */
  async instances(project: string, id: string): Promise<InstanceView[]> {
    const parent = `sealpost/v1/projects/${project}/locations/${region}`;
    const { body } = await this.call('GET', `${parent}/services/${id}/instances`);
    return (body['instances'] ?? []) as InstanceView[];
  }

  /** Between two looks, so that what is looked at gets the processor. */
  async #breath(): Promise<void> {
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonicMs() + 25, resolve);
    });
  }
}
