import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { freshId } from '../support/live-api.ts';
import { recordedDigest } from '../support/recording-run-service.ts';
import { knativeService, services, useRunFixture } from '../support/run-fixture.ts';

const live = useRunFixture();
const key = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';

/** A service that is there, and what it answered. */
async function created(more: Parameters<typeof knativeService>[1] = {}): Promise<{
  readonly name: string;
  readonly path: string;
  readonly answer: Awaited<ReturnType<typeof live.call>>;
}> {
  const name = freshId('s');
  const answer = await live.call('POST', services, knativeService(name, more));
  expect(answer.text).toContain(name);
  expect(answer.status).toBe(200);
  return { name, path: `${services}/${name}`, answer };
}

async function refusal(more: Parameters<typeof knativeService>[1]): Promise<string> {
  const { status, json } = await live.call('POST', services, knativeService('bad', more));
  expect(json).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } });
  expect(status).toBe(400);
  return (json as { error: { message: string } }).error.message;
}

test('a service has Cloud Run’s defaults, its place and its conditions', async () => {
  const { name, answer } = await created();
  expect(answer.json).toEqual({
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'p',
      selfLink: `/apis/serving.knative.dev/v1/namespaces/p/services/${name}`,
      uid: `uid-${name}`,
      resourceVersion: expect.any(String) as string,
      generation: 1,
      creationTimestamp: expect.stringMatching(/^2026-01-02T\d\d:\d\d:\d\d\.000Z$/) as string,
      labels: { 'cloud.googleapis.com/location': 'us-central1' },
      annotations: {
        'run.googleapis.com/ingress': 'all',
        'run.googleapis.com/ingress-status': 'all',
        'run.googleapis.com/urls': `["http://${name}.localhost:8085"]`,
        'serving.knative.dev/creator': 'anonymous',
        'serving.knative.dev/lastModifier': 'anonymous',
      },
    },
    spec: {
      template: {
        metadata: {
          labels: { 'run.googleapis.com/startupProbeType': 'Default' },
          annotations: {},
        },
        spec: {
          containerConcurrency: 80,
          timeoutSeconds: 300,
          serviceAccountName: '1-compute@developer.gserviceaccount.com',
          containers: [
            {
              name: 'hello-1',
              image: 'us-docker.pkg.dev/p/r/hello:latest',
              ports: [{ name: 'http1', containerPort: 8080 }],
              resources: { limits: { cpu: '1000m', memory: '512Mi' } },
              startupProbe: {
                timeoutSeconds: 240,
                periodSeconds: 240,
                failureThreshold: 1,
                tcpSocket: { port: 8080 },
              },
            },
          ],
        },
      },
      traffic: [{ latestRevision: true, percent: 100 }],
    },
    status: {
      observedGeneration: 1,
      conditions: ['Ready', 'ConfigurationsReady', 'RoutesReady'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: expect.stringMatching(/Z$/) as string,
      })),
      latestReadyRevisionName: `${name}-00001-abc`,
      latestCreatedRevisionName: `${name}-00001-abc`,
      traffic: [{ revisionName: `${name}-00001-abc`, percent: 100, latestRevision: true }],
      url: `http://${name}.localhost:8085`,
      address: { url: `http://${name}.localhost:8085` },
    },
  });
});

const everything = {
  metadata: { labels: { team: 'ledger' }, annotations: { 'example.com/note': 'x' } },
  template: {
    labels: { tier: 'front' },
    annotations: {
      'run.googleapis.com/encryption-key': key,
      'run.googleapis.com/post-key-revocation-action-type': 'shut-down',
      'run.googleapis.com/encryption-key-shutdown-hours': '2',
      'autoscaling.knative.dev/minScale': '1',
    },
  },
  spec: { containerConcurrency: 3, timeoutSeconds: 9, serviceAccountName: 'a@b.c' },
  container: {
    name: 'main',
    command: ['/bin/serve'],
    args: ['--verbose'],
    workingDir: '/srv',
    env: [{ name: 'A', value: 'b' }],
    ports: [{ containerPort: 9090 }],
    resources: { limits: { cpu: '2', memory: '1Gi' } },
    startupProbe: {
      httpGet: { path: '/up', port: 9091, httpHeaders: [{ name: 'h', value: 'v' }] },
    },
    livenessProbe: { tcpSocket: {}, periodSeconds: 7, initialDelaySeconds: 1 },
  },
};

describe('a service that was read', () => {
  test.each([
    ['with nothing but an image', {}],
    ['with everything that it may have', everything],
  ])('%s is written back as it was', async (_, more) => {
    const { path, answer, name } = await created(more);
    const before = live.run.services.get(`projects/p/locations/us-central1/services/${name}`)!;
    const written = await live.call('PUT', path, answer.json);
    expect(written.status).toBe(200);
    const after = live.run.services.get(`projects/p/locations/us-central1/services/${name}`)!;
    expect(after.spec).toEqual(before.spec);
    expect(after.latestCreatedRevisionId).toBe(before.latestCreatedRevisionId);
  });

  test('has all that it was given', async () => {
    const { answer } = await created(everything);
    expect(answer.json).toMatchObject({
      metadata: everything.metadata,
      spec: {
        template: {
          metadata: everything.template,
          spec: {
            ...everything.spec,
            containers: [
              {
                ...everything.container,
                livenessProbe: {
                  tcpSocket: { port: 9090 },
                  periodSeconds: 7,
                  initialDelaySeconds: 1,
                  timeoutSeconds: 1,
                  failureThreshold: 3,
                },
              },
            ],
          },
        },
      },
    });
  });

  test('as YAML is what its owner would write, and is taken back', async () => {
    const { path, name } = await created(everything);
    const yaml = await live.call('GET', path, undefined, { accept: 'application/yaml' });
    expect(yaml.type).toBe('application/yaml; charset=UTF-8');
    const exported = parse(yaml.text) as { metadata: object; spec: object };
    expect(Object.keys(exported)).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(exported.metadata).toEqual({
      name,
      namespace: 'p',
      labels: { team: 'ledger', 'cloud.googleapis.com/location': 'us-central1' },
      annotations: { 'example.com/note': 'x', 'run.googleapis.com/ingress': 'all' },
    });
    const changed = yaml.text.replace('containerConcurrency: 3', 'containerConcurrency: 4');
    const type = { 'content-type': 'text/yaml; charset=utf-8' };
    const written = await live.call('PUT', path, changed, type);
    expect(written.json).toMatchObject({
      metadata: { generation: 2 },
      spec: { template: { spec: { containerConcurrency: 4 } } },
    });
  });

  test('as YAML may have its hours without quotes, as the seed writes them', async () => {
    const { path } = await created(everything);
    const exported = await live.call('GET', path, undefined, { accept: 'application/yaml' });
    const { spec, ...rest } = parse(exported.text) as { spec: { template: { metadata: object } } };
    const hours = 'run.googleapis.com/encryption-key-shutdown-hours';
    const annotations = {
      'run.googleapis.com/encryption-key':
        'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k',
      'run.googleapis.com/post-key-revocation-action-type': 'shut-down',
      [hours]: 2,
    };
    const template = { ...spec.template, metadata: { annotations } };
    const text = stringify({ ...rest, spec: { ...spec, template } });
    expect(text).toContain(`${hours}: 2\n`);
    const written = await live.call('PUT', path, text, { 'content-type': 'application/yaml' });
    expect(written.json).toMatchObject({
      spec: { template: { metadata: { annotations: { [hours]: '2' } } } },
    });
  });

  test('and was changed by somebody else is not overwritten', async () => {
    const { path, answer } = await created();
    await live.call('PUT', path, answer.json);
    const { status, json } = await live.call('PUT', path, answer.json);
    expect([status, json]).toMatchObject([409, { error: { status: 'ABORTED' } }]);
  });
});

test('a startup probe that was ours follows the port, one that was given stays', async () => {
  const { path, answer } = await created();
  const body = structuredClone(answer.json) as ReturnType<typeof knativeService> & {
    spec: { template: { spec: { containers: { ports: { containerPort: number }[] }[] } } };
  };
  body.spec.template.spec.containers[0]!.ports[0]!.containerPort = 9_000;
  const moved = await live.call('PUT', path, body);
  expect(moved.text).toContain('"port": 9000');
  const own = { startupProbe: { tcpSocket: { port: 81 } }, ports: [{ containerPort: 82 }] };
  const { answer: given } = await created({ container: own });
  expect(given.text).toContain('"port": 81');
  expect(given.text).not.toContain('startupProbeType');
});

describe('is refused, by its path', () => {
  test.each([
    [{ spec: { nosuch: 1 } }, 'Unknown name "nosuch" at \'spec.template.spec\''],
    [{ container: { nosuch: 1 } }, 'Unknown name "nosuch" at \'spec.template.spec.containers[0]\''],
    [{ spec: { timeoutSeconds: 'x' } }, "at 'spec.template.spec.timeoutSeconds' (TYPE_INT32)"],
    [{ metadata: { namespace: 'q' } }, 'metadata.namespace must be p'],
    [
      { metadata: { labels: { 'cloud.googleapis.com/location': 'europe-west1' } } },
      'The label cloud.googleapis.com/location must be us-central1',
    ],
    [{ traffic: [{ percent: 100 }] }, 'spec.traffic[0].revisionName or latestRevision'],
    [
      { container: { startupProbe: { periodSeconds: 1 } } },
      'spec.template.spec.containers[0].startupProbe must have exactly one of',
    ],
    [
      { container: { ports: [{ containerPort: 1 }, { containerPort: 2 }] } },
      'spec.template.spec.containers[0].ports must have at most one port.',
    ],
  ])('%j', async (more, message) => {
    expect(await refusal(more)).toContain(message);
  });

  test.each([
    [{ spec: { volumes: [{ name: 'v' }] } }, 'spec.template.spec.volumes'],
    [
      { spec: { containers: [{ image: 'a' }, { image: 'b' }] } },
      'spec.template.spec.containers[1]',
    ],
    [{ spec: { nodeSelector: { a: 'b' } } }, 'spec.template.spec.nodeSelector'],
    [
      { container: { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] } },
      'spec.template.spec.containers[0].env[0].valueFrom',
    ],
    [
      { container: { ports: [{ name: 'h2c' }] } },
      'spec.template.spec.containers[0].ports[0].name: h2c',
    ],
    [
      { container: { resources: { limits: { 'nvidia.com/gpu': '1' } } } },
      'spec.template.spec.containers[0].resources.limits.nvidia.com/gpu',
    ],
    [
      { metadata: { annotations: { 'run.googleapis.com/ingress': 'internal' } } },
      "metadata.annotations['run.googleapis.com/ingress']: internal",
    ],
    [
      { template: { annotations: { 'run.googleapis.com/vpc-access-connector': 'c' } } },
      "spec.template.metadata.annotations['run.googleapis.com/vpc-access-connector']",
    ],
    [
      { template: { annotations: { 'run.googleapis.com/never-heard-of': 'c' } } },
      "spec.template.metadata.annotations['run.googleapis.com/never-heard-of']",
    ],
    [{ metadata: { generateName: 'x-' } }, 'metadata.generateName'],
  ])('what is not supported here: %j', async (more, path) => {
    const text = `The field "${path}" of Service is not supported by this server.`;
    expect(await refusal(more)).toBe(text);
  });

  test('an object that is none, in either language', async () => {
    const yaml = { 'content-type': 'application/yaml' };
    for (const [body, message] of [
      ['a: [1', 'YAML line 1, column 6: BAD_'],
      ['a: &x 1\nb: *x', 'The YAML has an alias'],
      ['- 1', 'Root element must be a message.'],
      [`${'['.repeat(200)}${']'.repeat(200)}`, 'Root element must be a message.'],
      [`a: ${'['.repeat(200)}${']'.repeat(200)}`, 'Message too deep.'],
      [`# ${'x'.repeat(262_144)}`, 'Request payload size exceeds the limit: 262144 bytes.'],
    ]) {
      const { status, text } = await live.call('POST', services, body, yaml);
      expect([status, text]).toEqual([400, expect.stringContaining(message!)]);
    }
    const { text } = await live.call('POST', services, { kind: 'Service' });
    expect(text).toContain('apiVersion must be serving.knative.dev/v1.');
  });
});

test('a dry run validates and writes nothing', async () => {
  const name = freshId('dry');
  const { status, json } = await live.call('POST', `${services}?dryRun=all`, knativeService(name));
  expect([status, json]).toMatchObject([200, { metadata: { name } }]);
  expect((await live.call('GET', `${services}/${name}`)).status).toBe(404);
  const { text } = await live.call('POST', `${services}?dryRun=some`, knativeService(name));
  expect(text).toContain('must be all');
});

test('traffic tells its revisions, its tags and their addresses', async () => {
  const { name, path } = await created();
  const first = `${name}-00001-abc`;
  const traffic = [
    { latestRevision: true, percent: 100 },
    { revisionName: first, tag: 'old' },
  ];
  const { json } = await live.call('PUT', path, knativeService(name, { traffic }));
  expect(json).toMatchObject({
    spec: { traffic },
    status: {
      traffic: [
        { revisionName: first, latestRevision: true, percent: 100 },
        { revisionName: first, tag: 'old', url: `http://old---${name}.localhost:8085` },
      ],
    },
  });
});

test('why a service is not ready stands in its conditions', async () => {
  const message = `User's CMEK key has been disabled. CMEK key: ${key}`;
  live.run.fault = { reason: 'EncryptionKeyCheckFailed', message };
  const { answer } = await created();
  live.run.fault = null;
  expect(answer.json).toMatchObject({
    status: {
      conditions: [
        { type: 'Ready', status: 'False', reason: 'EncryptionKeyCheckFailed', message },
        { type: 'ConfigurationsReady', status: 'False', message },
        { type: 'RoutesReady', status: 'False' },
      ],
    },
  });
});

test('a deletion answers Kubernetes’ Status', async () => {
  const { path } = await created();
  const { json } = await live.call('DELETE', `${path}?propagationPolicy=Background`);
  expect(json).toEqual({ kind: 'Status', apiVersion: 'v1', status: 'Success' });
  expect((await live.call('GET', path)).status).toBe(404);
});

test('the configuration and the route of a service are parts of it', async () => {
  const { name, answer } = await created();
  const base = '/apis/serving.knative.dev/v1/namespaces/p';
  const { spec, status } = answer.json as { spec: Record<string, object>; status: object };
  const configuration = await live.call('GET', `${base}/configurations/${name}`);
  expect(configuration.json).toMatchObject({
    kind: 'Configuration',
    spec: { template: spec['template'] },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      latestReadyRevisionName: `${name}-00001-abc`,
    },
  });
  const route = await live.call('GET', `${base}/routes/${name}`);
  expect(route.json).toMatchObject({
    kind: 'Route',
    spec: { traffic: spec['traffic'] },
    status: { traffic: (status as { traffic: object[] }).traffic },
  });
  const { json } = await live.call('GET', `${base}/routes?limit=1`);
  expect(json).toMatchObject({ kind: 'RouteList', items: [{ kind: 'Route' }] });
});

describe('revisions', () => {
  const base = '/apis/serving.knative.dev/v1/namespaces/p/revisions';

  test('tell their owner, their pinned image and their settings', async () => {
    const { name } = await created({ template: everything.template });
    const { json } = await live.call('GET', `${base}/${name}-00001-abc`);
    expect(json).toMatchObject({
      kind: 'Revision',
      metadata: {
        name: `${name}-00001-abc`,
        labels: {
          tier: 'front',
          'serving.knative.dev/service': name,
          'serving.knative.dev/configuration': name,
          'serving.knative.dev/configurationGeneration': '1',
          'serving.knative.dev/serviceUid': `uid-${name}`,
        },
        annotations: {
          ...everything.template.annotations,
          'serving.knative.dev/creator': 'anonymous',
        },
        ownerReferences: [{ kind: 'Configuration', name, uid: `uid-${name}`, controller: true }],
      },
      spec: { containerConcurrency: 80 },
      status: {
        observedGeneration: 1,
        imageDigest: `us-docker.pkg.dev/p/r/hello@${recordedDigest}`,
        desiredReplicas: 1,
        serviceName: name,
      },
    });
  });

  test('are found by the labels of their service', async () => {
    const { name, path, answer } = await created();
    const body = knativeService(name, { spec: { timeoutSeconds: 7 } });
    expect((await live.call('PUT', path, body)).status).toBe(200);
    expect(answer.status).toBe(200);
    const selector = encodeURIComponent(`serving.knative.dev/service = ${name}`);
    const { json } = await live.call('GET', `${base}?labelSelector=${selector}`);
    const { items } = json as { items: { metadata: { name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual([
      `${name}-00001-abc`,
      `${name}-00002-abc`,
    ]);
  });

  test('go if nothing needs them', async () => {
    const { name, path } = await created();
    const first = `${base}/${name}-00001-abc`;
    const refused = await live.call('DELETE', first);
    expect(refused.json).toMatchObject({
      error: {
        code: 400,
        status: 'FAILED_PRECONDITION',
        details: [{ domain: 'run.googleapis.com' }],
      },
    });
    await live.call('PUT', path, knativeService(name, { spec: { timeoutSeconds: 7 } }));
    expect((await live.call('DELETE', `${first}?dryRun=all`)).status).toBe(200);
    expect((await live.call('DELETE', first)).json).toMatchObject({ status: 'Success' });
    expect((await live.call('GET', first)).status).toBe(404);
  });
});
