import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InstanceBench, revisionOf } from '../../../test/support/instance-bench.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Instance } from './instances.ts';

const never = new AbortController().signal;
const service = { project: 'p', location: 'l', serviceId: 'hello' };

let bench: InstanceBench;

beforeEach(() => {
  bench = new InstanceBench();
});

afterEach(() => bench.close());

/** Trees that are in memory now. */
function trees(): string[] {
  const folder = join(bench.folder, 'trees');
  return readdirSync(folder).flatMap((boot) => readdirSync(join(folder, boot)));
}

/** Moves the clock until a promise has settled. */
async function settled<Result>(promise: Promise<Result>): Promise<Result> {
  let isOver = false;
  const end = promise.finally(() => (isOver = true));
  end.catch(() => undefined);
  while (!isOver) await bench.clock.advance(1000);
  return end;
}

describe('a start', () => {
  test('is: state, one unwrap, tree, process, probe, state again', async () => {
    const instances = await bench.open();
    const instance = await instances.start(revisionOf(), never);
    expect(bench.calls).toEqual(['state', 'unwrap', 'report', 'openTree', 'state']);
    expect(bench.reported).toEqual([null]);
    expect(bench.outcomes).toEqual(['ready']);
    expect(bench.times).toMatchObject({ openMs: 2, applyMs: 3 });
    expect(instances.running()).toEqual([instance]);
    expect(bench.said()).toEqual([
      'Default STARTUP TCP probe succeeded after 1 attempt for container "hello-1" on port 8080.',
    ]);
  });

  test('a hundred starts make exactly a hundred unwraps', async () => {
    const instances = await bench.open();
    for (let count = 0; count < 100; count++) {
      const { id } = await instances.start(revisionOf(), never);
      await instances.stop(id, 'scaled down');
    }
    expect(bench.unwraps).toBe(100);
    expect(bench.wiped).toHaveLength(100);
    expect(trees()).toEqual([]);
  });

  test('gives the container its command, environment and limits', async () => {
    const instances = await bench.open();
    const limits = { memory: '64Mi', cpu: '500m' };
    const env = [
      { name: 'PORT', value: '1' },
      { name: 'COLOUR', value: 'red' },
    ];
    await instances.start(revisionOf({ args: ['-v'], env, limits }), never);
    expect(bench.driver.instances[0]!.spec).toMatchObject({
      argv: ['serve', '-v'],
      cwd: '/',
      env: {
        PATH: '/bin',
        HOME: '/',
        COLOUR: 'red',
        PORT: '8080',
        K_SERVICE: 'hello',
        K_REVISION: 'hello-00001-abc',
        K_CONFIGURATION: 'hello',
      },
      limits: { memoryBytes: 64 * 2 ** 20, cpuMillis: 500, pids: 100 },
    });
  });

  test('its output is the service log', async () => {
    const instances = await bench.open();
    const { id } = await instances.start(revisionOf(), never);
    bench.driver.instances[0]!.spec.onLine('stderr', 'oh');
    expect(bench.logged.at(-1)).toMatchObject({ log: 'stderr', text: 'oh', instanceId: id });
  });

  test.each([
    ['disabled', 'FAILED_PRECONDITION', 'ENCRYPTION_KEY_CHECK_FAILED'],
    ['denied', 'PERMISSION_DENIED', 'ENCRYPTION_KEY_PERMISSION_DENIED'],
  ] as const)('asks nobody while the key is %s', async (cause, code, reason) => {
    const instances = await bench.open();
    bench.state = { condition: 'REVOKED', cause, message: 'no', sinceMs: 0, checkedMs: 0 };
    const start = instances.start(revisionOf(), never);
    await expect(start).rejects.toMatchObject({ code, reason, message: 'no' });
    expect(bench.calls).toEqual(['state']);
    expect(bench.outcomes).toEqual(['key_refused']);
    expect(await instances.reports(service)).toEqual([]);
  });

  test('tells the watch of a refused unwrap, and speaks its words', async () => {
    const instances = await bench.open();
    const refusal = new RpcError('FAILED_PRECONDITION', 'KEY_DISABLED', 'is not enabled');
    bench.unwrapError = refusal;
    const message = "User's CMEK key has been disabled. CMEK key: k";
    const start = instances.start(revisionOf(), never);
    bench.state = { ...bench.state, condition: 'ENABLED' };
    queueMicrotask(() => {
      bench.state = { condition: 'REVOKED', cause: 'disabled', message, sinceMs: 0, checkedMs: 0 };
    });
    await expect(start).rejects.toMatchObject({ message });
    expect(bench.outcomes).toEqual(['key_refused']);
    expect(bench.said()).toEqual([message]);
  });

  test('that loses the race against a revocation is killed', async () => {
    const instances = await bench.open();
    bench.whileOpening = () => {
      bench.state = { ...bench.state, condition: 'REVOKED', cause: 'destroyed', message: 'gone' };
    };
    await expect(instances.start(revisionOf(), never)).rejects.toMatchObject({ message: 'gone' });
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGKILL']);
    expect(bench.outcomes).toEqual(['revoked_meanwhile']);
    expect(instances.running()).toEqual([]);
    expect(trees()).toEqual([]);
    expect(await instances.reports(service)).toMatchObject([
      { state: 'STOPPED', why: 'revoked_meanwhile' },
    ]);
  });

  test.each([
    [new RpcError('DATA_LOSS', 'LAYER_TAMPERED', 'changed'), 'damaged'],
    [new RpcError('RESOURCE_EXHAUSTED', 'IMAGE_NO_SPACE', 'full'), 'no_memory'],
    [Object.assign(new Error('full'), { code: 'ENOSPC' }), 'no_memory'],
    [new Error('whatever'), 'failed'],
  ] as const)('that fails with %s is counted as %s, and leaves nothing', async (error, outcome) => {
    const instances = await bench.open();
    bench.openError = error;
    await expect(instances.start(revisionOf(), never)).rejects.toThrow(RpcError);
    expect(bench.outcomes).toEqual([outcome]);
    expect(trees()).toEqual([]);
  });

  test('is given up with its signal, also while its tree is opened', async () => {
    const instances = await bench.open();
    const caller = new AbortController();
    bench.whileOpening = () => caller.abort('scaled down');
    const start = instances.start(revisionOf(), caller.signal);
    await expect(start).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(bench.driver.instances).toEqual([]);
    expect(trees()).toEqual([]);
  });

  test('is given up by the end of its revision, which waits for it', async () => {
    const instances = await bench.open();
    const revision = revisionOf();
    const stops: Promise<void>[] = [];
    bench.whileOpening = () => {
      stops.push(instances.stopRevision(revision.name, 'key revoked'));
    };
    await expect(instances.start(revision, never)).rejects.toMatchObject({ code: 'CANCELLED' });
    await Promise.all(stops);
    expect(stops).toHaveLength(1);
    expect(trees()).toEqual([]);
  });

  test('without a key of its own is one unwrap, and no business of the watch', async () => {
    const instances = await bench.open();
    const settings = { encryption: null, minInstances: 0, maxInstances: 1 };
    await instances.start(revisionOf({}, { settings }), never);
    expect(bench.calls).toEqual(['unwrap', 'openTree']);
  });

  test('of an image that the vault does not have unwraps nothing', async () => {
    const instances = await bench.open();
    const start = instances.start(revisionOf({}, { imageDigest: 'sha256:2' }), never);
    await expect(start).rejects.toMatchObject({ reason: 'IMAGE_NOT_IMPORTED' });
    expect(bench.unwraps).toBe(0);
  });
});

describe('probes', () => {
  const times = { initialDelaySeconds: 0, timeoutSeconds: 1, periodSeconds: 10 };

  test('the default one waits four minutes for somebody to listen', async () => {
    const instances = await bench.open();
    bench.driver.behaviour.listens = false;
    const beganMs = bench.clock.monotonicMs();
    const start = instances.start(revisionOf(), never);
    await expect(settled(start)).rejects.toMatchObject({
      reason: 'CONTAINER_UNHEALTHY',
      message: expect.stringMatching(
        /^The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment variable within the allocated timeout\./,
      ) as string,
    });
    expect(bench.clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(239_000);
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGKILL']);
    expect(bench.outcomes).toEqual(['unhealthy']);
  });

  test('the default one sees who begins to listen late, at the first attempt', async () => {
    const instances = await bench.open();
    bench.driver.behaviour.listens = false;
    const start = instances.start(revisionOf(), never);
    bench.clock.schedule(bench.clock.monotonicMs() + 60_000, () => {
      bench.driver.behaviour.listens = true;
    });
    await bench.clock.advance(61_000);
    await start;
    expect(bench.said()[0]).toContain('succeeded after 1 attempt ');
  });

  test('HTTP: three failures in a row are too many', async () => {
    const instances = await bench.open();
    let asked = 0;
    bench.driver.behaviour.serve = (_, response) => {
      asked++;
      response.writeHead(503).end();
    };
    const http = { path: '/up', headers: [] };
    const startupProbe = { ...times, timeoutSeconds: 3600, failureThreshold: 3, http };
    const start = instances.start(revisionOf({ startupProbe }), never);
    const refused = expect(start).rejects.toMatchObject({ reason: 'CONTAINER_UNHEALTHY' });
    for (let count = 1; count <= 3; count++) {
      while (asked < count) await bench.clock.settle();
      await bench.clock.advance(10_000);
    }
    await refused;
    expect(asked).toBe(3);
    expect(bench.said()[0]).toBe(
      'STARTUP HTTP probe failed 3 times consecutively for container "hello-1" on port 8080 ' +
        'path "/up". The instance was not started.',
    );
  });

  test('HTTP: path and headers are those of the template', async () => {
    const instances = await bench.open();
    const seen: unknown[] = [];
    bench.driver.behaviour.serve = (request, response) => {
      seen.push(request.url, request.headers['x-probe']);
      response.end();
    };
    const http = { path: '/up', headers: [{ name: 'X-Probe', value: 'yes' }] };
    const startupProbe = { ...times, timeoutSeconds: 240, failureThreshold: 1, http };
    await instances.start(revisionOf({ startupProbe }), never);
    expect(seen).toEqual(['/up', 'yes']);
  });

  test('liveness: an instance that fails it too often is ended', async () => {
    const instances = await bench.open();
    const livenessProbe = { ...times, failureThreshold: 2, http: { path: '/', headers: [] } };
    const instance = await instances.start(revisionOf({ livenessProbe }), never);
    bench.driver.behaviour.listens = false;
    expect(await settled(instance.ended)).toBe('liveness probe failed');
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGKILL']);
    expect(bench.said().at(-1)).toContain('LIVENESS HTTP probe failed 2 times consecutively');
  });
});

describe('the end', () => {
  test('is SIGTERM, and no request after it', async () => {
    const instances = await bench.open();
    const changes: boolean[] = [];
    instances.onChange((_: Instance, isReady) => changes.push(isReady));
    const instance = await instances.start(revisionOf(), never);
    await instances.stop(instance.id, 'scaled down');
    await expect(instance.connect()).rejects.toThrow('takes no requests');
    expect(await instance.ended).toBe('scaled down');
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGTERM']);
    expect(changes).toEqual([true, false]);
    expect(bench.stopped).toEqual(['scaled down']);
    expect(trees()).toEqual([]);
  });

  test('is SIGKILL ten seconds after a SIGTERM that was ignored', async () => {
    const instances = await bench.open();
    bench.driver.behaviour.obeys = false;
    const { id } = await instances.start(revisionOf(), never);
    const stop = instances.stop(id, 'scaled down');
    await bench.clock.advance(9_999);
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGTERM']);
    await bench.clock.advance(1);
    await stop;
    expect(bench.driver.instances[0]!.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  test.each([
    [{ code: 3, signal: null }, false, 'exited with code 3', 'Container called exit(3).'],
    [
      { code: null, signal: 'SIGKILL' },
      false,
      'killed by SIGKILL',
      'Container terminated on signal 9.',
    ],
    [
      { code: null, signal: 'SIGKILL' },
      true,
      'out of memory',
      'Memory limit of 512 MiB exceeded with 512 MiB used. Consider increasing the memory limit, ' +
        'see https://cloud.google.com/run/docs/configuring/memory-limits',
    ],
  ])('that nobody asked for is told: %o %s', async (exit, isOutOfMemory, why, text) => {
    const instances = await bench.open();
    const instance = await instances.start(revisionOf(), never);
    bench.driver.instances[0]!.end({ ...exit, isOutOfMemory });
    expect(await instance.ended).toBe(why);
    expect(bench.said().at(-1)).toBe(text);
    await instances.stop(instance.id, 'again');
    expect(await instances.reports(service)).toMatchObject([{ state: 'STOPPED', why }]);
    expect(trees()).toEqual([]);
  });

  test('of all is the end of starts, too', async () => {
    const instances = await bench.open();
    await instances.start(revisionOf(), never);
    await instances.stopAll('vault stopped');
    expect(instances.running()).toEqual([]);
    const start = instances.start(revisionOf(), never);
    await expect(start).rejects.toMatchObject({ reason: 'VAULT_STOPPING' });
  });
});

describe('what is stored', () => {
  test('the last hundred of a service are remembered, newest first', async () => {
    const instances = await bench.open();
    const ids: string[] = [];
    for (let count = 0; count < 105; count++) {
      const { id } = await instances.start(revisionOf(), never);
      await instances.stop(id, 'scaled down');
      ids.push(id);
      await bench.clock.advance(1);
    }
    const reports = await instances.reports(service);
    expect(reports.map(({ id }) => id)).toEqual(ids.slice(5).toReversed());
    expect(await bench.rows.list('vault/instance/')).toHaveLength(100);
    await instances.forget(service);
    expect(await bench.rows.list('vault/instance/')).toEqual([]);
  });

  test('instances of a vault that crashed are accounted for, and their trees removed', async () => {
    const first = await bench.open();
    const { id } = await first.start(revisionOf(), never);
    const tree = trees()[0]!;
    // A crash leaves the file of a process that is no more.
    writeFileSync(join(bench.folder, 'owner'), '{"pid":1,"startTicks":"-1"}');
    const second = await bench.open();
    expect(bench.driver.sweeps).toBe(2);
    expect(trees()).not.toContain(tree);
    expect(await second.reports(service)).toMatchObject([
      { id, state: 'STOPPED', why: 'vault crashed' },
    ]);
  });

  test('a folder that another vault uses is refused, and told how to name another', async () => {
    await bench.open();
    await expect(bench.open()).rejects.toMatchObject({
      reason: 'VAULT_RUNTIME_DIR',
      message: expect.stringMatching(/in use by process \d+\. .*--vault-runtime-dir/) as string,
    });
  });

  test('a folder on a disk is refused', async () => {
    const runtimeFolder = join(import.meta.dirname, 'runtime-of-a-test');
    try {
      await expect(bench.open({ runtimeFolder })).rejects.toMatchObject({
        message: expect.stringMatching(/not in memory|more than 60 bytes/) as string,
      });
    } finally {
      expect(existsSync(join(runtimeFolder, 'trees'))).toBe(false);
    }
  });
});
