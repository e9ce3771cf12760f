import { request } from 'node:http';
import { readFileSync } from 'node:fs';
import { SystemClock } from '../../src/runtime/index.ts';
import { call } from '../scenarios/resources.ts';
import type { SealpostServer } from '../servers/sealpost.ts';

const clock = new SystemClock();
const location = 'projects/bench/locations/us-central1';
const ring = `${location}/keyRings/bench`;

export const benchKey: string = `${ring}/cryptoKeys/images`;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void clock.schedule(clock.monotonicMs() + ms, resolve));

interface ServiceView {
  readonly status?: {
    readonly url?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

export interface InstanceView {
  readonly state: string;
  readonly times: { readonly openMs: number; readonly applyMs: number; readonly unwrapMs: number };
}

/** A key of its own, which Run's service agent may use. */
export async function createKey({ address }: SealpostServer): Promise<void> {
  await call(address, 'POST', `${location}/keyRings?keyRingId=bench`, {});
  await call(address, 'POST', `${ring}/cryptoKeys?cryptoKeyId=images`, {
    purpose: 'ENCRYPT_DECRYPT',
  });
  const { projectNumber } = (await call(address, 'GET', 'projects/bench')) as {
    projectNumber: string;
  };
  const members = [`serviceAccount:${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`];
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  await call(address, 'POST', `${benchKey}:setIamPolicy`, {
    policy: { bindings: [{ role, members }] },
  });
}

/** Resolves to the service's URL when it is ready. */
export async function deploy(
  { address }: SealpostServer,
  id: string,
  image: string,
  annotations: Readonly<Record<string, string>> = {},
  concurrency: number = 80,
): Promise<string> {
  await call(address, 'POST', `${location}/services`, {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name: id, namespace: 'bench' },
    spec: {
      template: {
        metadata: {
          annotations: { 'run.googleapis.com/encryption-key': benchKey, ...annotations },
        },
        spec: {
          containerConcurrency: concurrency,
          containers: [{ image, resources: { limits: { memory: '2Gi' } } }],
        },
      },
    },
  });
  for (;;) {
    const service = (await call(address, 'GET', `${location}/services/${id}`)) as ServiceView;
    const ready = service.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') return service.status?.url ?? '';
    if (ready?.status === 'False') throw new Error(`${id}: ${ready.message ?? ''}`);
    await pause(50);
  }
}

/** The status of a GET of a path, by way of the front. */
export function get({ port }: SealpostServer, url: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: new URL(url).host };
    const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject).end();
  });
}

export async function instancesOf(server: SealpostServer, id: string): Promise<InstanceView[]> {
  const url = `http://${server.address}/sealpost/v1/${location}/services/${id}/instances`;
  const { instances = [] } = (await (await fetch(url)).json()) as { instances?: InstanceView[] };
  return instances;
}

/** Resolves when none of them runs. */
export async function idle(server: SealpostServer, id: string): Promise<void> {
  while ((await instancesOf(server, id)).some(({ state }) => state !== 'STOPPED')) await pause(100);
}

/** Resolves when none of them is still to begin: a start is counted at its end. */
export async function startsEnded(server: SealpostServer, id: string): Promise<void> {
  while ((await instancesOf(server, id)).some(({ state }) => state === 'STARTING'))
    await pause(100);
}

/** The sum of a metric's samples whose labels contain all of `labels`. */
export async function metric(
  { address }: SealpostServer,
  name: string,
  labels: string = '',
): Promise<number> {
  const page = await (await fetch(`http://${address}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line.startsWith(name) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** The most memory that a process ever had, MiB. */
export function peakMebibytes(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
