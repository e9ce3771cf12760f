import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { JumpingClock } from '../../../test/support/jumping-clock.ts';
import type { KeyChange } from '../../kms/index.ts';
import {
  GetProjectNumberRequestSchema,
  KeyChanged_Kind as Kind,
  KeyChangedSchema,
  ProjectNumberSchema,
  ReportUseRequestSchema,
  WatchRequestSchema,
} from '../../proto/sealpost/v1/key_watch_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import type { KeyWatchSource, ReportedUse } from '../key-watch.ts';
import { heartbeatMs, waitingChangesMax } from './key-watcher.ts';

/** A key service that changes when the test says so. */
class ScriptedKeys implements KeyWatchSource {
  readonly listeners = new Set<(change: KeyChange) => void>();
  readonly reports: [watcherId: string, uses: readonly ReportedUse[]][] = [];
  #onStop: () => void = () => undefined;

  watch(watcherId: string, listener: (change: KeyChange) => void): () => void {
    if (watcherId === '') throw new RpcError('INVALID_ARGUMENT', 'BAD', 'no watcher_id');
    this.listeners.add(listener);
    listener({ kind: 'resync', resource: '' });
    return () => {
      this.listeners.delete(listener);
      this.#onStop();
    };
  }

  async projectNumber(projectId: string): Promise<string> {
    if (projectId === 'p') return '123';
    throw new RpcError('INVALID_ARGUMENT', 'BAD', 'no project');
  }

  reportUse(watcherId: string, uses: readonly ReportedUse[]): void {
    this.reports.push([watcherId, uses]);
  }

  change(change: KeyChange): void {
    for (const listener of this.listeners) listener(change);
  }

  get stopped(): Promise<void> {
    return new Promise((resolve) => {
      this.#onStop = resolve;
    });
  }
}

let clock: JumpingClock;
let keys: ScriptedKeys;
let fixture: ApiFixture;
let client: Client;
beforeEach(async () => {
  clock = new JumpingClock();
  keys = new ScriptedKeys();
  fixture = await startFixture({ clock, keyWatch: keys });
  client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await fixture.api.drain(200);
});

const service = '/sealpost.v1.KeyWatch';
const turn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve));
const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function call(name: string, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(`${service}/${name}`, asIs, asIs, bytes, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}

class Watch {
  readonly seen: [kind: Kind, resource: string][] = [];
  readonly ended: Promise<{ code: status; details: string }>;
  readonly #stream: ReturnType<Client['makeServerStreamRequest']>;
  #wake: () => void = () => undefined;

  constructor(watcherId: string) {
    const bytes = toBinary(WatchRequestSchema, create(WatchRequestSchema, { watcherId }));
    this.#stream = client.makeServerStreamRequest(`${service}/Watch`, asIs, asIs, bytes);
    this.#stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#stream.on('status', ({ code, details }) => resolve({ code, details }));
    });
  }

  read(): this {
    this.#stream.on('data', (bytes: Buffer) => {
      const { kind, resource } = fromBinary(KeyChangedSchema, bytes);
      this.seen.push([kind, resource]);
      this.#wake();
    });
    return this;
  }

  cancel(): void {
    this.#stream.cancel();
  }

  async count(count: number): Promise<void> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe('Watch', () => {
  test('says RESYNC first, then every change in its order', async () => {
    const watch = new Watch('broker-1').read();
    await watch.count(1);
    keys.change({ kind: 'versionState', resource: 'projects/p/k' });
    keys.change({ kind: 'primary', resource: 'projects/p/k' });
    keys.change({ kind: 'iam', resource: 'projects/p' });
    keys.change({ kind: 'resync', resource: '' });
    await watch.count(5);
    expect(watch.seen).toEqual([
      [Kind.RESYNC, ''],
      [Kind.VERSION_STATE, 'projects/p/k'],
      [Kind.PRIMARY, 'projects/p/k'],
      [Kind.IAM, 'projects/p'],
      [Kind.RESYNC, ''],
    ]);
    watch.cancel();
  });

  test('a heartbeat comes every ten seconds', async () => {
    const watch = new Watch('broker-1').read();
    await watch.count(1);
    for (let beats = 1; beats <= 3; beats++) {
      clock.jump(heartbeatMs);
      await watch.count(1 + beats);
    }
    expect(heartbeatMs).toBe(10_000);
    expect(watch.seen.slice(1, 4)).toEqual(Array(3).fill([Kind.HEARTBEAT, '']));
    watch.cancel();
  });

  test('a client that goes away is no longer listened for', async () => {
    const watch = new Watch('broker-1').read();
    await watch.count(1);
    const stopped = keys.stopped;
    watch.cancel();
    await stopped;
    expect(keys.listeners.size).toBe(0);
  });

  test('what the source refuses ends the call with its code', async () => {
    expect(await new Watch('').read().ended).toEqual({
      code: status.INVALID_ARGUMENT,
      details: 'no watcher_id',
    });
  });

  test('one that does not read is ended with RESOURCE_EXHAUSTED, and heard no more of', async () => {
    const watch = new Watch('broker-1');
    while (keys.listeners.size === 0) await turn();
    const long = 'k'.repeat(10_000);
    let told = 0;
    while (keys.listeners.size > 0) {
      keys.change({ kind: 'iam', resource: `projects/${told}/${long}` });
      if (++told % 100 === 0) await turn();
    }
    expect(told).toBeGreaterThan(waitingChangesMax);
    expect(await watch.read().ended).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: `More than ${waitingChangesMax} changes wait for this watcher: watch anew.`,
    });
    expect(watch.seen.length).toBeLessThan(told - waitingChangesMax / 2);
  });

  test('the same change waits once', async () => {
    const watch = new Watch('broker-1');
    while (keys.listeners.size === 0) await turn();
    const change = { kind: 'iam', resource: 'projects/p' } as const;
    for (let told = 0; told < 10 * waitingChangesMax; told++) keys.change(change);
    expect(keys.listeners.size).toBe(1);
    await watch.read().count(2);
    watch.cancel();
  });

  test('a drain ends it with UNAVAILABLE', async () => {
    const watch = new Watch('broker-1').read();
    await watch.count(1);
    const drained = fixture.api.drain(1_000);
    expect((await watch.ended).code).toBe(status.UNAVAILABLE);
    client.close();
    await drained;
  });
});

describe('its unary methods', () => {
  test('a project has a number', async () => {
    const request = create(GetProjectNumberRequestSchema, { projectId: 'p' });
    const reply = await call('GetProjectNumber', toBinary(GetProjectNumberRequestSchema, request));
    expect(fromBinary(ProjectNumberSchema, reply).projectNumber).toBe('123');
  });

  test('a report of use arrives whole, its topics bounded', async () => {
    const topics = Array.from({ length: 150 }, (_, i) => `projects/p/topics/t${i}`);
    const counts = { dekCount: 2n, messageCount: 3n, byteCount: 4n };
    const uses = [{ name: 'v', ...counts, topics }];
    const request = create(ReportUseRequestSchema, { watcherId: 'broker-1', uses });
    await call('ReportUse', toBinary(ReportUseRequestSchema, request));
    const use = { name: 'v', dekCount: 2, messageCount: 3, byteCount: 4 };
    expect(keys.reports).toEqual([['broker-1', [{ ...use, topics: topics.slice(0, 100) }]]]);
  });

  test('bytes that are no request are refused', async () => {
    const error = await call('ReportUse', Uint8Array.of(0xff)).catch((thrown: unknown) => thrown);
    expect((error as ServiceError).code).toBe(status.INVALID_ARGUMENT);
  });
});

test('a server without a key service has no KeyWatch', async () => {
  const without = await startFixture();
  const other = new Client(`127.0.0.1:${without.api.port}`, credentials.createInsecure());
  const code = await new Promise((resolve) => {
    other.makeUnaryRequest(`${service}/ReportUse`, asIs, asIs, new Uint8Array(0), (error) =>
      resolve(error?.code),
    );
  });
  expect(code).toBe(status.UNIMPLEMENTED);
  other.close();
  await without.api.drain(200);
});
