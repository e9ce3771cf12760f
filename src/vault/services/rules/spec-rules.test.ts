import { describe, expect, test } from 'vitest';
import { RpcError } from '../../../rpc/index.ts';
import { hello, keyed, runKey, specOf } from '../../../../test/support/run-service-bench.ts';
import type { Container, Probe, RevisionTemplate, ServiceSpec } from '../service.ts';
import { withDefaults } from './spec-defaults.ts';
import { scaledBy, settingsOf } from './settings.ts';
import { checkSpec } from './spec-rules.ts';

type Change = Omit<Partial<ServiceSpec>, 'template'>;

const template = 'spec.template.metadata.annotations';
const place = 'spec.template.spec.containers[0]';
const key = 'run.googleapis.com/encryption-key';
const action = 'run.googleapis.com/post-key-revocation-action-type';
const hours = 'run.googleapis.com/encryption-key-shutdown-hours';

/** What is wrong with a specification: fields, and the error that says so. */
function refusal(
  spec: ServiceSpec,
  serviceId = 'hello',
): { fields: string[]; error: RpcError } | null {
  try {
    checkSpec({ ...hello, serviceId }, withDefaults(spec, 'a@b'));
    return null;
  } catch (error) {
    const refused = RpcError.from(error);
    const [detail] = refused.details as readonly unknown[] as {
      fieldViolations: { field: string }[];
    }[];
    return { fields: detail!.fieldViolations.map(({ field }) => field), error: refused };
  }
}

function fieldsOf(spec: ServiceSpec, serviceId?: string): string[] {
  return refusal(spec, serviceId)?.fields ?? [];
}

function annotated(annotations: Record<string, string>): ServiceSpec {
  return specOf({ annotations });
}

function container(change: Partial<Container>): ServiceSpec {
  const { template: base } = specOf();
  return specOf({ container: { ...base.container, ...change } });
}

describe('the seed’s annotations', () => {
  test.each([
    [{ [key]: runKey }],
    [{ [key]: 'projects/other/locations/us-central1/keyRings/r/cryptoKeys/k' }],
    [{ [key]: runKey, [action]: 'prevent-new' }],
    [{ [key]: runKey, [action]: 'shut-down' }],
    [{ [key]: runKey, [action]: 'shut-down', [hours]: '1' }],
    [{ [key]: runKey, [action]: 'shut-down', [hours]: '8784' }],
  ])('%j is allowed', (annotations) => {
    expect(refusal(annotated(annotations))).toBeNull();
  });

  test.each<readonly [Record<string, string>, readonly string[]]>([
    // "키가 생성된 위치. Cloud Run 서비스 위치와 일치해야 합니다."
    [{ [key]: 'projects/p/locations/us-east1/keyRings/r/cryptoKeys/k' }, [key]],
    [{ [key]: 'projects/p/locations/global/keyRings/r/cryptoKeys/k' }, [key]],
    [{ [key]: `${runKey}/cryptoKeyVersions/1` }, [key]],
    [{ [key]: 'k' }, [key]],
    [{ [key]: runKey, [action]: 'shutdown' }, [action]],
    [{ [action]: 'prevent-new' }, [action]],
    [{ [key]: runKey, [hours]: '2' }, [hours]],
    [{ [key]: runKey, [action]: 'prevent-new', [hours]: '2' }, [hours]],
    [{ [action]: 'shut-down', [hours]: '2' }, [action, hours]],
    ...['0', '-1', '1.5', '01', '1e3', '', ' 1', '8785', 'one'].map(
      (text) => [{ [key]: runKey, [action]: 'shut-down', [hours]: text }, [hours]] as const,
    ),
  ])('%j is refused, and the field is named', (annotations, names) => {
    const { fields, error } = refusal(annotated(annotations))!;
    expect(fields).toEqual(names.map((name) => `${template}[${name}]`));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_ARGUMENT' });
    expect(error.message).toContain(`${template}[${names[0]}]: `);
  });
});

describe('the seed’s rules of revision names', () => {
  test.each(['hello-1', 'hello-green', `hello-${'a'.repeat(57)}`, 'hello-00001-abc'])(
    '%s is allowed',
    (revisionId) => expect(fieldsOf(specOf({ revisionId }))).toEqual([]),
  );

  test.each(['hello', 'hellogreen', 'hello-A', 'hello-a_b', 'hello-', `hello-${'a'.repeat(58)}`])(
    '%s is refused',
    (revisionId) => {
      expect(fieldsOf(specOf({ revisionId }))).toContain('spec.template.metadata.name');
    },
  );
});

test.each(['Hello', '1hello', 'hello-', 'he_llo', 'a'.repeat(50), '', 'a---b'])(
  'a service named %j is refused',
  (id) => expect(fieldsOf(specOf(), id)).toEqual(['metadata.name']),
);

test('a service named with 49 characters is allowed', () => {
  expect(fieldsOf(specOf(), 'a'.repeat(49))).toEqual([]);
});

const probe: Probe = {
  tcpPort: 8080,
  initialDelaySeconds: 0,
  timeoutSeconds: 1,
  periodSeconds: 10,
  failureThreshold: 3,
};

const { tcpPort: _, ...httpProbe } = probe;

describe('containers', () => {
  test.each<[Partial<Container>]>([
    [{ port: 1 }],
    [{ port: 65_535, portName: 'http1' }],
    [{ limits: { cpu: '80m', memory: '32Mi' } }],
    [{ limits: { cpu: '0.5', memory: '1.5Gi' } }],
    [{ limits: { cpu: '8', memory: '32Gi' } }],
    [{ env: [{ name: 'A', value: '' }] }],
    [{ startupProbe: { ...probe, timeoutSeconds: 240, periodSeconds: 240 } }],
    [{ livenessProbe: { ...probe, timeoutSeconds: 5 } }],
    [
      {
        livenessProbe: {
          ...httpProbe,
          http: { path: '/', headers: [{ name: 'X-Test', value: 'a b, "é"' }] },
        },
      },
    ],
  ])('%j is allowed', (change) => expect(refusal(container(change))).toBeNull());

  test.each<[Partial<Container>, string]>([
    [{ image: '' }, 'image'],
    [{ image: 'a b' }, 'image'],
    [{ port: -1 }, 'ports[0].containerPort'],
    [{ port: 65_536 }, 'ports[0].containerPort'],
    [{ port: 80.5 }, 'ports[0].containerPort'],
    [{ portName: 'grpc' }, 'ports[0].name'],
    [{ name: 'A b' }, 'name'],
    [{ workingDir: 'app' }, 'workingDir'],
    [{ env: [{ name: 'PORT', value: '1' }] }, 'env'],
    [{ env: [{ name: 'K_SERVICE', value: '1' }] }, 'env'],
    [{ env: ['A', 'A'].map((name) => ({ name, value: '' })) }, 'env[1].name'],
    [{ env: [{ name: 'A=B', value: '' }] }, 'env[0].name'],
    [{ env: [{ name: 'A', value: 'a\0' }] }, 'env[0].value'],
    [{ env: [{ name: 'A', value: 'a'.repeat(32_769) }] }, 'env[0].value'],
    [{ limits: { cpu: '3' } }, 'resources.limits.cpu'],
    [{ limits: { cpu: '79m' } }, 'resources.limits.cpu'],
    [{ limits: { memory: '64Gi' } }, 'resources.limits.memory'],
    [{ limits: { memory: 'much' } }, 'resources.limits.memory'],
    [
      { startupProbe: { ...probe, timeoutSeconds: 241, periodSeconds: 241 } },
      'startupProbe.timeoutSeconds',
    ],
    [{ startupProbe: { ...probe, timeoutSeconds: 11 } }, 'startupProbe.timeoutSeconds'],
    [{ livenessProbe: { ...probe, http: { path: '/', headers: [] } } }, 'livenessProbe'],
    [{ livenessProbe: { ...probe, failureThreshold: 0 } }, 'livenessProbe.failureThreshold'],
    ...[
      { name: 'X-Test', value: 'a\r\nb' },
      { name: 'X-Test', value: '한' },
      { name: 'X Test', value: 'a' },
      { name: '', value: 'a' },
    ].map((header): [Partial<Container>, string] => [
      { livenessProbe: { ...httpProbe, http: { path: '/', headers: [header] } } },
      'livenessProbe.httpGet.httpHeaders[0]',
    ]),
  ])('%j is refused', (change, field) => {
    expect(fieldsOf(container(change))).toContain(`${place}.${field}`);
  });

  test('reserved variables are refused in Cloud Run’s words', () => {
    const env = ['K_REVISION', 'PORT'].map((name) => ({ name, value: '' }));
    expect(refusal(container({ env }))!.error.message).toBe(
      'spec.template.spec.containers[0].env: The following reserved env names were provided: ' +
        'K_REVISION, PORT. These values are automatically set by the system.',
    );
  });
});

test.each<[Partial<RevisionTemplate>, string]>([
  [{ containerConcurrency: 1_001 }, 'spec.template.spec.containerConcurrency'],
  [{ containerConcurrency: -1 }, 'spec.template.spec.containerConcurrency'],
  [{ timeoutSeconds: 3_601 }, 'spec.template.spec.timeoutSeconds'],
  [{ serviceAccount: 'a b' }, 'spec.template.spec.serviceAccountName'],
  [{ labels: { 'a b': 'x' } }, 'spec.template.metadata.labels'],
  [{ labels: { a: 'x y' } }, 'spec.template.metadata.labels[a]'],
  [
    { annotations: { 'autoscaling.knative.dev/minScale': '-1' } },
    `${template}[autoscaling.knative.dev/minScale]`,
  ],
  [
    { annotations: { 'autoscaling.knative.dev/maxScale': '0' } },
    `${template}[autoscaling.knative.dev/maxScale]`,
  ],
  [
    {
      annotations: {
        'autoscaling.knative.dev/minScale': '3',
        'autoscaling.knative.dev/maxScale': '2',
      },
    },
    `${template}[autoscaling.knative.dev/minScale]`,
  ],
  [{ annotations: { a: 'x'.repeat(262_144) } }, `spec.template.metadata.annotations`],
])('a template with %j is refused', (change, field) => {
  expect(fieldsOf(specOf(change))).toEqual([field]);
});

test.each<[Change, string[]]>([
  [{ traffic: [{ percent: 99 }] }, ['spec.traffic']],
  [{ traffic: [{ percent: 101 }] }, ['spec.traffic[0].percent', 'spec.traffic']],
  [{ traffic: [{ percent: 100 }, { percent: 0, tag: 'A' }] }, ['spec.traffic[1].tag']],
  [
    {
      traffic: [
        { percent: 100, tag: 'a' },
        { percent: 0, tag: 'a' },
      ],
    },
    ['spec.traffic[1].tag'],
  ],
  [{ traffic: [{ percent: 100, tag: 'a'.repeat(56) }] }, ['spec.traffic[0].tag']],
  [{ traffic: [{ percent: 100, tag: 'a'.repeat(55) }] }, []],
])('traffic %j names %j', (change, fields) => {
  expect(fieldsOf(specOf({}, change))).toEqual(fields);
});

test('what is not obeyed is refused by name, and what changes nothing is kept', () => {
  const name = 'run.googleapis.com/vpc-access-connector';
  const { error, fields } = refusal(annotated({ [name]: 'c' }))!;
  expect(error).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'FIELD_NOT_SUPPORTED' });
  expect(fields).toEqual([`${template}[${name}]`]);
  expect(error.message).toBe(
    `${template}[${name}]: VPC connectors are not supported by this server.`,
  );
  expect(refusal(container({ portName: 'h2c' }))!.error.code).toBe('UNIMPLEMENTED');
  expect(refusal(container({ limits: { 'nvidia.com/gpu': '1' } }))!.error.code).toBe(
    'UNIMPLEMENTED',
  );
  const kept = {
    'run.googleapis.com/startup-cpu-boost': 'true',
    'run.googleapis.com/client-name': 'gcloud',
  };
  expect(
    refusal(
      specOf({ annotations: kept }, { annotations: { 'run.googleapis.com/ingress': 'all' } }),
    ),
  ).toBeNull();
});

test('every violation is named at once, the rules before what is not supported', () => {
  const { fields, error } = refusal(container({ image: '', port: 70_000, portName: 'h2c' }))!;
  expect(error.code).toBe('INVALID_ARGUMENT');
  expect(fields).toEqual([`${place}.image`, `${place}.ports[0].containerPort`]);
});

test('settings are read from annotations; a service’s own scale bounds each revision', () => {
  const read = settingsOf(
    specOf({
      annotations: {
        ...keyed().annotations,
        [action]: 'shut-down',
        [hours]: '2',
        'autoscaling.knative.dev/minScale': '1',
        'autoscaling.knative.dev/maxScale': '7',
      },
    }).template,
  );
  expect(read).toEqual({
    encryption: { key: runKey, action: 'shut-down', shutdownHours: 2 },
    minInstances: 1,
    maxInstances: 7,
  });
  expect(settingsOf(specOf().template)).toEqual({
    encryption: null,
    minInstances: 0,
    maxInstances: 100,
  });
  const service = { 'run.googleapis.com/minScale': '3', 'run.googleapis.com/maxScale': '5' };
  expect(scaledBy(read, service, true)).toMatchObject({ minInstances: 3, maxInstances: 5 });
  expect(scaledBy(read, service, false)).toMatchObject({ minInstances: 1, maxInstances: 5 });
});
