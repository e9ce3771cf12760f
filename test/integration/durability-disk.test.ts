import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GrpcClient } from '../crash/grpc-client.ts';
import { CallFailure, type Outgoing, type PubsubClient } from '../crash/pubsub-client.ts';
import { RestClient } from '../crash/rest-client.ts';
import { sealpostChild, type ServerChild } from '../crash/server-child.ts';
import { canTrace } from '../crash/syscall-trace.ts';

const topic = 'projects/troubled/topics/orders';
const subscription = 'projects/troubled/subscriptions/orders';
const mebibyte = 1024 * 1024;

const canMount = ((): boolean => {
  const probe = mkdtempSync(join(tmpdir(), 'sealpost-mount-'));
  const isMounted = spawnSync('/usr/bin/mount', ['-t', 'tmpfs', 'none', probe]).status === 0;
  if (isMounted) spawnSync('/usr/bin/umount', [probe]);
  rmSync(probe, { recursive: true, force: true });
  return isMounted;
})();

let disk: string;
let server: ServerChild | undefined;
let clients: PubsubClient[] = [];

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'sealpost-trouble-'));
});
afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server?.stop('SIGKILL');
  if (canMount) spawnSync('/usr/bin/umount', ['-l', disk], { stdio: 'ignore' });
  rmSync(disk, { recursive: true, force: true });
});

const dataDir = (): string => join(disk, 'data');

async function start(): Promise<{ rest: RestClient; grpc: GrpcClient }> {
  server = sealpostChild(dataDir());
  const url = await server.url();
  const started = { rest: new RestClient(url), grpc: new GrpcClient(url) };
  clients.push(started.rest, started.grpc);
  return started;
}

async function startWithTopic(): Promise<{ rest: RestClient; grpc: GrpcClient }> {
  const started = await start();
  await started.rest.createTopic(topic);
  await started.rest.createSubscription(subscription, topic);
  return started;
}

/** A message of a size that says which it is. */
function message(name: string, bytes = 1000): Outgoing {
  return { data: Buffer.from(name.padEnd(bytes, '.')), attributes: {} };
}

const nameOf = (data: Buffer): string => data.toString().replace(/\.*$/, '');

async function refusalOf(call: Promise<unknown>): Promise<CallFailure> {
  const outcome = await call.then(
    () => new Error('it was answered'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(CallFailure);
  return outcome as CallFailure;
}

/** Publishes until it is refused. Returns the names of what was answered, and the refusal. */
async function fill(client: PubsubClient, bytes: number) {
  const answered: string[] = [];
  for (;;) {
    const name = `filling-${answered.length}`;
    try {
      await client.publish(topic, [message(name, bytes)]);
      answered.push(name);
    } catch (error) {
      return { answered, refusal: error as CallFailure };
    }
  }
}

/** Acknowledges everything, in unary calls that are answered; returns the names. */
async function consume(client: PubsubClient, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let round = 0; names.length < count && round < count + 50; round++) {
    const received = await client.pull(subscription, 20);
    if (received.length === 0) continue;
    await client.acknowledge(
      subscription,
      received.map(({ ackId }) => ackId),
    );
    names.push(...received.map(({ data }) => nameOf(data)));
  }
  return names.toSorted();
}

describe.skipIf(!canMount)('a live server on a full disk (needs the right to mount)', () => {
  const mountDisk = (size: string): void => {
    const { status } = spawnSync('/usr/bin/mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${size}`,
      'none',
      disk,
    ]);
    expect(status).toBe(0);
  };

  /** Leaves this much beside the server's reserve. */
  const fillerOf = (leftBytes: number): string => {
    const { bavail, bsize } = statfsSync(disk);
    const path = join(disk, 'filler');
    writeFileSync(path, Buffer.alloc(bavail * bsize - leftBytes, 7));
    return path;
  };

  test('refuses publishers with DISK_FULL, delivers and takes acks, and resumes by itself', async () => {
    mountDisk('128m');
    const { rest, grpc } = await startWithTopic();
    const filler = fillerOf(24 * mebibyte);
    const { answered, refusal } = await fill(rest, 100_000);
    expect(answered.length).toBeGreaterThan(10);
    expect(refusal.status).toBe('RESOURCE_EXHAUSTED');
    expect(refusal.message).toMatch(/disk .* is full/);
    const overGrpc = await refusalOf(grpc.publish(topic, [message('refused', 100_000)]));
    expect(overGrpc.status).toBe('RESOURCE_EXHAUSTED');

    const half = Math.floor(answered.length / 2);
    const early = await consume(grpc, half);
    expect(early.length).toBeGreaterThanOrEqual(half);
    expect((await refusalOf(rest.publish(topic, [message('still')]))).status).toBe(
      'RESOURCE_EXHAUSTED',
    );

    rmSync(filler);
    await rest.publish(topic, [message('resumed')]);
    expect(server!.hasEnded).toBe(false);
    await server!.stop('SIGKILL');
    const again = await start();
    const rest2 = await consume(again.rest, answered.length + 1 - early.length);
    expect([...early, ...rest2].toSorted()).toEqual([...answered, 'resumed'].toSorted());
  });

  test('takes deletions and answers reads while it is full', async () => {
    mountDisk('128m');
    const { rest } = await startWithTopic();
    fillerOf(20 * mebibyte);
    const { refusal } = await fill(rest, 100_000);
    expect(refusal.status).toBe('RESOURCE_EXHAUSTED');
    await rest.deleteSubscription(subscription);
    await rest.deleteTopic(topic);
    expect(await rest.listTopics('projects/troubled')).toEqual([]);
  });
});

/** strace has the store's file refuse every write, and say so when asked, as on a read-only disk. */
class ReadOnlyDisk {
  readonly #tracer: ChildProcess;

  private constructor(tracer: ChildProcess) {
    this.#tracer = tracer;
  }

  static async begin(pid: number, file: string): Promise<ReadOnlyDisk> {
    const calls =
      '?access,faccessat,faccessat2,openat,write,writev,pwrite64,pwritev,fdatasync,ftruncate';
    const argv = ['-f', '-qq', '-P', file, '-e', `trace=${calls}`];
    const tracer = spawn('/usr/bin/strace', [
      ...argv,
      '-e',
      `inject=${calls}:error=EROFS`,
      '-p',
      String(pid),
    ]);
    await untilTraced(pid);
    tracer.stderr.resume();
    return new ReadOnlyDisk(tracer);
  }

  async end(): Promise<void> {
    this.#tracer.kill('SIGINT');
    await once(this.#tracer, 'close');
  }
}

async function untilTraced(pid: number): Promise<void> {
  for (;;) {
    const shown = spawnSync('/usr/bin/grep', [
      '-h',
      'TracerPid',
      '-r',
      `/proc/${pid}/task`,
      '--include=status',
    ]);
    const tracers = String(shown.stdout).trim().split('\n');
    if (tracers.every((line) => !line.endsWith('\t0'))) return;
  }
}

describe.skipIf(!canTrace())('a live server on a read-only disk (needs strace)', () => {
  test('says so to publishers and for acks, keeps what it answered, and goes on after it', async () => {
    const { rest, grpc } = await startWithTopic();
    await rest.publish(topic, [message('before')]);
    const [held] = await grpc.pull(subscription, 1);
    const file = join(dataDir(), 'store', 'data.mdb');
    const readOnly = await ReadOnlyDisk.begin(server!.child.pid!, file);

    const refusal = await refusalOf(rest.publish(topic, [message('refused')]));
    expect(refusal.status).toBe('UNAVAILABLE');
    expect(refusal.message).toMatch(/read only|did not confirm/);
    const ack = await refusalOf(rest.acknowledge(subscription, [held!.ackId]));
    expect(ack.status).toBe('UNAVAILABLE');
    const creation = await refusalOf(rest.createTopic(`${topic}-2`));
    expect(creation.status).toBe('UNAVAILABLE');

    await readOnly.end();
    expect(server!.hasEnded).toBe(false);
    await rest.publish(topic, [message('after')]);
    await rest.acknowledge(subscription, [held!.ackId]);
    await server!.stop('SIGKILL');
    const again = await start();
    const names = await consume(again.grpc, 1);
    // What nobody could confirm may have landed or not; what was acknowledged stays so.
    expect(names.filter((name) => name !== 'refused')).toEqual(['after']);
  });
});

test('the map grows far beyond its first size while a stream reads', async () => {
  const { rest, grpc } = await startWithTopic();
  const names = Array.from({ length: 160 }, (_, i) => `grown-${i}`);
  const seen = new Set<string>();
  const all = Promise.withResolvers<void>();
  const stream = grpc.stream(subscription, (messages) => {
    for (const { data } of messages) seen.add(nameOf(data));
    stream.acknowledge(messages.map(({ ackId }) => ackId));
    if (seen.size === names.length) all.resolve();
  });
  for (const name of names) await rest.publish(topic, [message(name, 500_000)]);
  await all.promise;
  stream.cancel();
  expect([...seen].toSorted()).toEqual(names.toSorted());
});
