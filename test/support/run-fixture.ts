import { afterAll, beforeAll } from 'vitest';

import { runRoutes } from '../../src/api/index.ts';
import { startFixture, type ApiFixture } from './api-fixture.ts';
import { RecordingAudit } from './recording-audit.ts';
import { RecordingRunService } from './recording-run-service.ts';

export interface RunAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly json: unknown;
}

/** The Run API on a port, over services in memory. */
export class RunFixture {
  readonly run: RecordingRunService = new RecordingRunService();
  readonly audit: RecordingAudit = new RecordingAudit();
  recordsReads = false;
  #fixture: ApiFixture | undefined;

  get url(): string {
    return this.#fixture!.api.url;
  }

  async start(): Promise<void> {
    const audit = { writer: this.audit, recordsReads: this.recordsReads };
    const routes = runRoutes(this.run, {
      defaultLocation: 'us-central1',
      audit,
      authorizer: { isGranted: () => true },
    });
    this.#fixture = await startFixture({ routes });
  }

  async stop(): Promise<void> {
    await this.#fixture?.api.drain(0);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RunAnswer> {
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const json: unknown = type.includes('json') ? JSON.parse(text) : undefined;
    return { status: response.status, type, text, json };
  }
}

/** One for all tests of a file. */
export function useRunFixture(recordsReads = false): RunFixture {
  const fixture = new RunFixture();
  fixture.recordsReads = recordsReads;
  beforeAll(() => fixture.start());
  afterAll(() => fixture.stop());
  return fixture;
}

export const services: string = '/apis/serving.knative.dev/v1/namespaces/p/services';

/** The least that a Knative Service is, with more of its template and of its container. */
export function knativeService(
  name: string,
  more: {
    readonly metadata?: object;
    readonly template?: object;
    readonly spec?: object;
    readonly container?: object;
    readonly traffic?: readonly object[];
  } = {},
): { readonly [field: string]: unknown } {
  const containers = [{ image: 'us-docker.pkg.dev/p/r/hello:latest', ...more.container }];
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name, ...more.metadata },
    spec: {
      template: { metadata: { ...more.template }, spec: { containers, ...more.spec } },
      ...(more.traffic === undefined ? {} : { traffic: more.traffic }),
    },
  };
}
