import { describe, expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import {
  caller,
  conditionOf,
  disabledMessage,
  hello,
  keyed,
  keyStateOf,
  place,
  runKey,
  RunServiceBench,
  specOf,
  statusesOf,
} from '../../../test/support/run-service-bench.ts';
import type { RunList } from './run-service.ts';

const open = (): Promise<RunServiceBench> => new RunServiceBench().open();
const disabled = keyStateOf({ condition: 'REVOKED', cause: 'disabled', message: disabledMessage });
const everything: RunList = {
  project: 'p',
  location: '-',
  labels: {},
  limit: 0,
  continueToken: '',
};

/** A promise that a test keeps. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('a deployment', () => {
  test('answers before it begins, and ends ready, with all the traffic', async () => {
    const bench = await open();
    const created = await bench.run.create(hello, specOf(keyed()), {}, caller);
    expect(created).toMatchObject({
      generation: 1,
      observedGeneration: 0,
      creator: 'dev@example.com',
    });
    expect(created.latestCreatedRevisionId).toMatch(/^hello-00001-[a-z]{3}$/);
    expect(statusesOf(created)).toEqual({
      Ready: 'Unknown',
      ConfigurationsReady: 'Unknown',
      RoutesReady: 'Unknown',
    });
    await bench.idle();
    const id = created.latestCreatedRevisionId!;
    const service = await bench.run.get(hello);
    expect(service).toMatchObject({
      observedGeneration: 1,
      latestReadyRevisionId: id,
      servedTraffic: [{ revisionId: id, percent: 100, followsLatest: true }],
      url: 'http://hello.localhost:8085',
    });
    expect(statusesOf(service)).toEqual({
      Ready: 'True',
      ConfigurationsReady: 'True',
      RoutesReady: 'True',
    });
    expect(bench.calls).toEqual(['import img:1', `start ${id} sha256:img:1`]);
    expect(bench.watched).toEqual(new Map([[runKey, 1]]));
    expect([...bench.registered]).toEqual([id]);
  });

  test('leaves the conditions of a revision as Cloud Run prints them', async () => {
    const bench = await open();
    bench.onImport = () => bench.clock.advance(12_790);
    bench.onStart = () => bench.clock.advance(95_400);
    const service = await bench.deployed(hello, specOf());
    const revision = await bench.revision(service.latestReadyRevisionId!);
    expect(revision.imageDigest).toBe('sha256:img:1');
    expect(revision.conditions.map(({ type, status, message }) => [type, status, message])).toEqual(
      [
        ['Ready', 'True', 'Deploying revision succeeded in 1m48.19s.'],
        ['ContainerHealthy', 'True', 'Containers became healthy in 1m35.4s.'],
        ['ContainerReady', 'True', 'Container image import completed in 12.79s.'],
        ['ResourcesAvailable', 'True', undefined],
        ['Retry', 'True', 'System will retry after 00:00 from lastTransitionTime for attempt 0.'],
        ['Active', 'True', undefined],
      ],
    );
  });

  test('fills in what Cloud Run fills in, and puts nothing new for the same wish', async () => {
    const bench = await open();
    const service = await bench.deployed(hello, specOf());
    expect(service.spec).toMatchObject({
      traffic: [{ percent: 100 }],
      template: {
        containerConcurrency: 80,
        timeoutSeconds: 300,
        serviceAccount: '123456789012-compute@developer.gserviceaccount.com',
        container: { port: 8080, limits: { cpu: '1000m', memory: '512Mi' } },
      },
    });
    expect(await bench.replaced(hello, service.spec)).toEqual(service);
    expect(await bench.replaced(hello, specOf())).toEqual(service);
  });

  test('of a changed template makes a new revision; the older one is retired', async () => {
    const bench = await open();
    const first = await bench.deployed(hello, specOf());
    const second = await bench.replaced(hello, specOf({ revisionId: 'hello-two' }));
    expect(second).toMatchObject({
      generation: 2,
      latestReadyRevisionId: 'hello-two',
      servedTraffic: [{ revisionId: 'hello-two', percent: 100 }],
    });
    const older = await bench.revision(first.latestReadyRevisionId!);
    expect(conditionOf(older, 'Active')).toMatchObject({ status: 'False', reason: 'Retired' });
    const taken = bench.run.replace(
      hello,
      specOf({ revisionId: 'hello-two' }, { image: 'other' }),
      {},
      caller,
    );
    await expect(taken).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: "Revision named 'hello-two' with different configuration already exists.",
    });
  });
});

test('a reference that is none is refused before anything is stored', async () => {
  const fault = 'Expected an image path.';
  const imageFault = (image: string): string | null => (image === 'img:bad' ? fault : null);
  const bench = await new RunServiceBench({ imageFault }).open();
  await expect(bench.deployed(hello, specOf({}, { image: 'img:bad' }))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `spec.template.spec.containers[0].image: ${fault}`,
  });
  await expect(bench.run.get(hello)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await bench.deployed(hello, specOf());
});

describe('a failed deployment leaves traffic where it was', () => {
  test('of a missing image, in Cloud Run’s words', async () => {
    const bench = await open();
    const { latestReadyRevisionId } = await bench.deployed(hello, specOf());
    const message = "Image 'img:2' not found.";
    bench.refuseImports(new RpcError('NOT_FOUND', 'IMAGE_NOT_FOUND', message));
    const after = await bench.replaced(hello, specOf({}, { image: 'img:2' }));
    const failed = after.latestCreatedRevisionId!;
    const text = `Revision '${failed}' is not ready and cannot serve traffic. ${message}`;
    const fault = { status: 'False', reason: 'ContainerMissing', message: text };
    expect(conditionOf(after)).toMatchObject(fault);
    expect(conditionOf(after, 'ConfigurationsReady')).toMatchObject(fault);
    expect(conditionOf(after, 'RoutesReady')).toMatchObject({ status: 'True' });
    expect(after).toMatchObject({
      observedGeneration: 2,
      latestReadyRevisionId,
      servedTraffic: [{ revisionId: latestReadyRevisionId }],
    });
    expect(bench.notes('ERROR')).toEqual([text]);
    expect(conditionOf(await bench.revision(failed), 'ContainerReady')).toMatchObject({ message });
    expect(bench.registered).toEqual(new Set());
  });

  test('of a container that is not healthy; its instance and image go', async () => {
    const bench = await open();
    const message = 'The user-provided container failed to start and listen on the port.';
    bench.refuseStarts(new RpcError('DEADLINE_EXCEEDED', 'X', message));
    const service = await bench.deployed(hello, specOf());
    expect(conditionOf(service)).toMatchObject({
      status: 'False',
      reason: 'HealthCheckContainerError',
    });
    expect(statusesOf(service)['RoutesReady']).toBe('False');
    expect(service.servedTraffic).toEqual([]);
    expect(bench.calls.at(-1)).toBe(`release ${service.uid} `);
    expect(bench.targets.map(({ traffic }) => traffic)).toEqual([[], []]);
  });

  test('"새 Cloud Run 버전 배포가 실패합니다": with a disabled key, until a new valid key is used', async () => {
    const bench = await open();
    const first = await bench.deployed(hello, specOf(keyed()));
    bench.keys.set(runKey, disabled);
    const failed = await bench.replaced(hello, specOf(keyed(), { image: 'img:2' }));
    const fault = {
      status: 'False',
      reason: 'EncryptionKeyCheckFailed',
      message: `User's CMEK key has been disabled. CMEK key: ${runKey}`,
    };
    expect(conditionOf(failed)).toMatchObject(fault);
    expect(conditionOf(await bench.revision(failed.latestCreatedRevisionId!))).toMatchObject(fault);
    expect(failed.latestReadyRevisionId).toBe(first.latestReadyRevisionId);
    expect(bench.calls).not.toContain('import img:2');
    const other = await bench.replaced(hello, specOf(keyed(`${runKey}2`), { image: 'img:2' }));
    expect(conditionOf(other)).toEqual({ type: 'Ready', status: 'True' });
    expect(other.servedTraffic).toMatchObject([{ revisionId: other.latestCreatedRevisionId }]);
  });

  test('of a key that the agent may not use, with its own reason', async () => {
    const bench = await open();
    const message = "User's service account does not have CMEK decrypter permission.";
    bench.keys.set(runKey, keyStateOf({ condition: 'REVOKED', cause: 'denied', message }));
    const service = await bench.deployed(hello, specOf(keyed()));
    expect(conditionOf(service)).toMatchObject({
      reason: 'EncryptionKeyPermissionDenied',
      message,
    });
    expect(bench.watched.get(runKey)).toBe(0);
  });

  test('of a key that is lost while the image is on its way', async () => {
    const bench = await open();
    bench.onImport = () => {
      bench.keys.set(runKey, disabled);
      throw new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', 'is not enabled');
    };
    const service = await bench.deployed(hello, specOf(keyed()));
    expect(conditionOf(service)).toMatchObject({ message: disabledMessage });
  });
});

describe('a key that cannot be asked', () => {
  const quota = `User's KMS operation quota has been exceeded. CMEK key: ${runKey}`;

  test.each(['THROTTLED', 'UNREACHABLE'] as const)('%s: is waited for', async (condition) => {
    const bench = await open();
    bench.keys.set(runKey, keyStateOf({ condition, message: quota }));
    await bench.run.create(hello, specOf(keyed()), {}, caller);
    await bench.clock.advance(100_000);
    expect(conditionOf(await bench.run.get(hello)).status).toBe('Unknown');
    expect(bench.notes('WARNING')).toEqual([`Deployment waits: ${quota}`]);
    bench.keys.delete(runKey);
    await bench.clock.advance(15_000);
    expect(conditionOf(await bench.run.get(hello)).status).toBe('True');
  });

  test('for a bounded time: the seed’s quota message then ends the deployment', async () => {
    const bench = await open();
    bench.keys.set(runKey, keyStateOf({ condition: 'THROTTLED', message: quota }));
    await bench.run.create(hello, specOf(keyed()), {}, caller);
    await bench.clock.advance(300_000);
    expect(conditionOf(await bench.run.get(hello))).toMatchObject({
      reason: 'EncryptionKeyCheckFailed',
      message: quota,
    });
    expect(bench.clock.pendingCount).toBe(0);
  });
});

test('a revoked key shows on what runs under it, and restoration takes it back', async () => {
  const bench = await open();
  const before = await bench.deployed(hello, specOf(keyed()));
  const id = before.latestReadyRevisionId!;
  bench.keys.set(runKey, disabled);
  const fault = { status: 'False', reason: 'EncryptionKeyCheckFailed', message: disabledMessage };
  expect(conditionOf(await bench.run.get(hello))).toMatchObject(fault);
  expect(conditionOf(await bench.revision(id))).toMatchObject(fault);
  expect(statusesOf(await bench.run.get(hello))['ConfigurationsReady']).toBe('True');
  bench.keys.set(runKey, keyStateOf({ condition: 'THROTTLED', message: 'later' }));
  expect(await bench.run.get(hello)).toEqual(before);
});

test('a newer generation ends the deployment of the older as it stands', async () => {
  const bench = await open();
  const slow = gate();
  bench.onImport = (image, signal) =>
    image === 'img:1'
      ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('x'))))
      : slow.opened;
  const first = await bench.run.create(hello, specOf(keyed()), {}, caller);
  await bench.clock.settle(10);
  const second = await bench.run.replace(hello, specOf(keyed(), { image: 'img:2' }), {}, caller);
  await bench.clock.settle(10);
  const older = await bench.revision(first.latestCreatedRevisionId!);
  expect(conditionOf(older)).toMatchObject({ status: 'False', reason: 'Retired' });
  slow.open();
  await bench.idle();
  const service = await bench.run.get(hello);
  expect(service).toMatchObject({
    latestReadyRevisionId: second.latestCreatedRevisionId,
    observedGeneration: 2,
  });
  expect([...bench.registered]).toEqual([second.latestCreatedRevisionId]);
  expect(bench.watched.get(runKey)).toBe(1);
});

test('a deployment that the end of the process interrupts goes on in the next', async () => {
  const bench = await open();
  bench.onImport = (_, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('x'))),
    );
  const created = await bench.run.create(hello, specOf(keyed()), {}, caller);
  await bench.clock.settle(20);
  await bench.run.stop();
  expect(conditionOf(await bench.run.get(hello)).status).toBe('Unknown');
  await bench.crash();
  bench.onImport = () => undefined;
  await bench.open();
  await bench.idle();
  const service = await bench.run.get(hello);
  expect(service.latestReadyRevisionId).toBe(created.latestCreatedRevisionId);
  expect(bench.targets[0]?.traffic).toEqual([
    { revisionId: created.latestCreatedRevisionId, percent: 100 },
  ]);
});

describe('traffic', () => {
  async function two(): Promise<RunServiceBench> {
    const bench = await open();
    await bench.deployed(hello, specOf({ revisionId: 'hello-a' }));
    const traffic = [{ revisionId: 'hello-a', percent: 100 }];
    await bench.replaced(hello, specOf({ revisionId: 'hello-b' }, { traffic }));
    return bench;
  }

  test('that names a revision stays with it; a change of it alone is in effect at once', async () => {
    const bench = await two();
    const before = await bench.run.get(hello);
    expect(before).toMatchObject({
      latestReadyRevisionId: 'hello-b',
      servedTraffic: [{ revisionId: 'hello-a', percent: 100, followsLatest: false }],
    });
    const traffic = [
      { revisionId: 'hello-a', percent: 30, tag: 'old' },
      { percent: 70 },
      { revisionId: 'hello-a', percent: 0 },
    ];
    const spec = { ...before.spec, traffic };
    const after = await bench.run.replace(hello, spec, {}, caller);
    expect(after).toMatchObject({ generation: 3, observedGeneration: 3 });
    expect(conditionOf(after)).toEqual({ type: 'Ready', status: 'True' });
    expect(bench.targets).toEqual(
      ['hello', 'hello-123456789012.us-central1'].map((hostPrefix) => ({
        hostPrefix,
        ...hello,
        traffic: [
          { revisionId: 'hello-a', percent: 30, tag: 'old' },
          { revisionId: 'hello-b', percent: 70 },
          { revisionId: 'hello-a', percent: 0 },
        ],
      })),
    );
  });

  test('of a revision that is not there is refused; of one that failed is not obeyed', async () => {
    const bench = await two();
    const { spec } = await bench.run.get(hello);
    const to = (revisionId: string): typeof spec => ({
      ...spec,
      traffic: [{ revisionId, percent: 100 }],
    });
    await expect(bench.run.replace(hello, to('hello-x'), {}, caller)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "spec.traffic[0].revisionName: Revision 'hello-x' does not exist.",
    });
    bench.refuseStarts(new RpcError('FAILED_PRECONDITION', 'X', 'Container called exit(1).'));
    const traffic = [{ revisionId: 'hello-c', percent: 100 }];
    await bench.replaced(hello, specOf({ revisionId: 'hello-c' }, { traffic }));
    const service = await bench.replaced(hello, {
      ...specOf({ revisionId: 'hello-c' }, { traffic }),
      labels: { a: 'b' },
    });
    expect(service.servedTraffic).toMatchObject([{ revisionId: 'hello-a' }]);
    expect(conditionOf(service, 'RoutesReady')).toMatchObject({
      status: 'False',
      reason: 'RevisionMissing',
    });
  });
});

describe('deletion', () => {
  test('of a service: rows at once, then instances, watches, images and wrapped keys', async () => {
    const bench = await open();
    const { uid, latestReadyRevisionId } = await bench.deployed(hello, specOf(keyed()));
    await bench.run.setPolicy(hello, { version: 1, bindings: [], etag: '' });
    await bench.run.delete(hello, {}, caller);
    await expect(bench.run.get(hello)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message:
        "Resource 'hello' of kind 'SERVICE' in region 'us-central1' in project 'p' does not exist.",
    });
    expect(bench.targets).toEqual([]);
    await bench.idle();
    expect(bench.calls.slice(-4)).toEqual([
      `stop ${latestReadyRevisionId}`,
      `release ${uid} `,
      'forget hello',
      `shred ${uid}`,
    ]);
    expect(bench.registered).toEqual(new Set());
    expect(bench.watched.get(runKey)).toBe(0);
    expect(await bench.rowKeys('vault/')).toEqual([]);
    expect(await bench.deployed(hello, specOf())).toMatchObject({ generation: 1 });
  });

  test('of a service that crashes half way goes on after a restart, before a new one of its name', async () => {
    const bench = await open();
    const { uid } = await bench.deployed(hello, specOf({ revisionId: 'hello-a' }));
    await bench.run.delete(hello, {}, caller);
    await bench.crash();
    await bench.open();
    const created = await bench.deployed(hello, specOf({ revisionId: 'hello-a' }));
    const calls = bench.calls.slice(bench.calls.lastIndexOf('stop hello-a'));
    expect(calls).toEqual([
      'stop hello-a',
      `release ${uid} `,
      'forget hello',
      `shred ${uid}`,
      'import img:1',
      'start hello-a sha256:img:1',
    ]);
    expect(conditionOf(created).status).toBe('True');
    expect(await bench.rowKeys('vault/removal/')).toEqual([]);
  });

  test('of a service ends its deployment', async () => {
    const bench = await open();
    bench.onStart = (_, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('x'))),
      );
    await bench.run.create(hello, specOf(), {}, caller);
    await bench.clock.settle(20);
    await bench.run.delete(hello, {}, caller);
    await bench.idle();
    expect(bench.calls.at(-1)).toMatch(/^shred /);
  });

  test('of a revision in use is refused; of another takes its image', async () => {
    const bench = await open();
    await bench.deployed(hello, specOf({ revisionId: 'hello-a' }));
    const { uid } = await bench.replaced(
      hello,
      specOf({ revisionId: 'hello-b' }, { image: 'img:2' }),
    );
    const remove = (revisionId: string): Promise<void> =>
      bench.run.deleteRevision({ ...hello, revisionId }, caller);
    await expect(remove('hello-b')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'REVISION_IN_USE',
    });
    await remove('hello-a');
    await expect(bench.revision('hello-a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await bench.idle();
    expect(bench.calls.slice(-2)).toEqual(['stop hello-a', `release ${uid} sha256:img:2`]);
  });

  test('of the oldest unused revisions keeps a service below its cap', async () => {
    const bench = await new RunServiceBench({ revisionsMax: 3 }).open();
    await bench.deployed(hello, specOf({ revisionId: 'hello-0' }));
    for (let i = 1; i <= 5; i++) await bench.replaced(hello, specOf({ revisionId: `hello-${i}` }));
    const { items } = await bench.run.listRevisions(everything);
    expect(items.map(({ name }) => name.revisionId)).toEqual(['hello-3', 'hello-4', 'hello-5']);
  });
});

describe('concurrent writers', () => {
  test('a resourceVersion that is not the current one is a conflict, in Cloud Run’s words', async () => {
    const bench = await open();
    const { resourceVersion } = await bench.run.create(hello, specOf(), {}, caller);
    await bench.idle();
    const current = await bench.run.get(hello);
    const late = bench.run.replace(hello, specOf({}, { image: 'x' }), { resourceVersion }, caller);
    await expect(late).rejects.toMatchObject({
      code: 'ABORTED',
      message: `Conflict for resource 'hello': version '${resourceVersion}' was specified but current version is '${current.resourceVersion}'.`,
    });
    const again = bench.run.create(hello, specOf(), {}, caller);
    await expect(again).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: "Resource 'hello' already exists.",
    });
  });

  test('all are heard, and the last one’s revision is deployed', async () => {
    const bench = await open();
    await bench.deployed(hello, specOf());
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        bench.run.replace(hello, specOf({ revisionId: `hello-n${i}` }), {}, caller),
      ),
    );
    await bench.idle();
    const service = await bench.run.get(hello);
    expect(service.generation).toBe(9);
    expect(service.latestReadyRevisionId).toBe(service.latestCreatedRevisionId);
    expect(conditionOf(service).status).toBe('True');
  });
});

test('a dry run says what would be, and writes and begins nothing', async () => {
  const bench = await open();
  const planned = await bench.run.create(hello, specOf(), { isDryRun: true }, caller);
  expect(planned.spec.template.containerConcurrency).toBe(80);
  await expect(bench.run.get(hello)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const service = await bench.deployed(hello, specOf());
  await bench.run.replace(hello, specOf({}, { image: 'x' }), { isDryRun: true }, caller);
  await bench.run.delete(hello, { isDryRun: true }, caller);
  await bench.idle();
  expect(await bench.run.get(hello)).toEqual(service);
});

test('the short host name is the first service’s; the API’s names are nobody’s', async () => {
  const bench = await open();
  await bench.deployed(hello, specOf());
  const elsewhere = await bench.deployed({ ...hello, location: 'europe-west1' }, specOf());
  expect(elsewhere.url).toBe('http://hello-123456789012.europe-west1.localhost:8085');
  const run = await bench.deployed({ ...place, serviceId: 'run' }, specOf());
  expect(run.url).toBe('http://run-123456789012.us-central1.localhost:8085');
});

test('lists go on where they stopped, select by labels, and refuse others’ tokens', async () => {
  const bench = await open();
  for (let i = 0; i < 5; i++) {
    const labels = { parity: String(i % 2) };
    await bench.deployed({ ...place, serviceId: `s${i}` }, specOf({}, { labels }));
  }
  const even = { ...everything, labels: { parity: '0' }, limit: 2 };
  const first = await bench.run.list(even);
  expect(first.items.map(({ name }) => name.serviceId)).toEqual(['s0', 's2']);
  const rest = await bench.run.list({ ...even, continueToken: first.continueToken });
  expect(rest.items.map(({ name }) => name.serviceId)).toEqual(['s4']);
  expect(rest.continueToken).toBe('');
  for (const continueToken of [first.continueToken, 'x']) {
    await expect(bench.run.list({ ...everything, continueToken })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'BAD_PAGE_TOKEN',
    });
  }
  const labels = { 'serving.knative.dev/service': 's3' };
  const ofOne = { ...everything, location: 'us-central1', labels };
  for (const request of [ofOne, { ...ofOne, location: '-' }]) {
    const { items } = await bench.run.listRevisions(request);
    expect(items.map(({ name }) => name.serviceId)).toEqual(['s3']);
  }
  expect((await bench.run.list({ ...everything, location: 'x' })).items).toEqual([]);
});

test('a policy is kept, and changed only by who saw its etag', async () => {
  const bench = await open();
  await bench.deployed(hello, specOf());
  const empty = await bench.run.getPolicy(hello);
  expect(empty.bindings).toEqual([]);
  const bindings = [{ role: 'roles/run.invoker', members: ['allUsers'] }];
  const set = await bench.run.setPolicy(hello, { ...empty, bindings });
  expect(await bench.run.getPolicy(hello)).toEqual(set);
  expect(set.bindings).toEqual(bindings);
  await expect(bench.run.setPolicy(hello, empty)).rejects.toMatchObject({ code: 'ABORTED' });
});
