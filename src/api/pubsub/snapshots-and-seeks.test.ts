import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { RpcError } from '../../rpc/index.ts';
import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { GrpcWire } from '../../../test/support/grpc-wire.ts';
import { CallRefusal, refusalOf, RestWire, type Wire } from '../../../test/support/wire.ts';

let fixture: ApiFixture;
const address = (): string => `127.0.0.1:${fixture.api.port}`;
const wires: Wire[] = [new GrpcWire(address), new RestWire(() => `http://${address()}`)];

const subscription = 'projects/p/subscriptions/sub';
const topic = 'projects/p/topics/orders';
const name = 'projects/p/snapshots/snap';
const stored = { name, topic, labels: { a: '1' }, expireTimeMs: Date.UTC(2030, 0, 1) };

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(async () => {
  for (const wire of wires) wire.close();
  await fixture.api.drain(100);
});
beforeEach(() => {
  const { broker } = fixture;
  broker.subscriptions.set(subscription, {
    name: subscription,
    topic,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetentionMs: 604_800_000,
  });
  broker.snapshots.clear();
  broker.snapshots.set(name, stored);
  broker.calls.length = 0;
  broker.acknowledgeError = undefined;
});

describe.each(wires.map((wire) => [wire.name, wire] as const))('over %s', (_, wire) => {
  test.each([
    ['1970-01-01T00:00:01.5Z', 1_500],
    ['3000-01-01T00:00:00Z', Date.UTC(3000, 0, 1)],
    ['1970-01-01T00:00:01.000000001Z', 1_001],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['1969-12-31T23:59:59.999999999Z', 0],
  ])('a seek to %s is one to the whole millisecond that follows', async (time, timeMs) => {
    expect(await wire.call('Seek', { subscription, time })).toEqual({});
    expect(fixture.broker.calls).toEqual([['seek', subscription, { timeMs }]]);
  });

  test('a seek goes to a snapshot, and to nothing that is none', async () => {
    expect(await wire.call('Seek', { subscription, snapshot: name })).toEqual({});
    expect(fixture.broker.calls).toEqual([['seek', subscription, { snapshot: name }]]);
    for (const snapshot of ['', 'snap', 'projects/p/topics/snap']) {
      expect((await refusalOf(wire.call('Seek', { subscription, snapshot }))).message).toContain(
        `Invalid resource name given (name=${snapshot}).`,
      );
    }
    expect(await refusalOf(wire.call('Seek', { subscription }))).toEqual({
      code: 'INVALID_ARGUMENT',
      message:
        'No target was specified in the SeekRequest. Must specify either a time or a snapshot',
    });
  });

  test('a snapshot is made, shown, listed and deleted', async () => {
    const made = 'projects/p/snapshots/made';
    const request = { name: made, subscription, labels: { b: '2' }, tags: { '1/env': 'test' } };
    const expireTime = '2030-01-01T00:00:00Z';
    const expected = { name: made, topic, labels: { b: '2' }, expireTime };
    expect(await wire.call('CreateSnapshot', request)).toEqual(expected);
    expect(await wire.call('GetSnapshot', { snapshot: made })).toEqual(expected);
    expect(await wire.call('ListSnapshots', { project: 'projects/p' })).toEqual({
      snapshots: [{ ...expected, name, labels: { a: '1' } }, expected],
    });
    expect(await wire.call('ListTopicSnapshots', { topic })).toEqual({ snapshots: [name, made] });
    expect(await wire.call('DeleteSnapshot', { snapshot: made })).toEqual({});
    expect((await refusalOf(wire.call('GetSnapshot', { snapshot: made }))).code).toBe('NOT_FOUND');
  });

  test('an update hands on what the mask names, checked', async () => {
    const snapshot = { name, labels: { b: '2' }, expireTime: '2031-01-01T00:00:00Z' };
    const update = { snapshot, updateMask: 'expireTime' };
    await wire.call('UpdateSnapshot', update);
    const expireTimeMs = Date.UTC(2031, 0, 1);
    expect(fixture.broker.calls).toEqual([
      ['updateSnapshot', { ...stored, expireTimeMs }, ['expire_time']],
    ]);
    const none = { snapshot: { name }, updateMask: 'expireTime' };
    expect((await refusalOf(wire.call('UpdateSnapshot', none))).message).toContain(
      'argument=expire_time must be set',
    );
  });

  test('a detached subscription says so', async () => {
    expect(await wire.call('DetachSubscription', { subscription })).toEqual({});
    expect(await wire.call('GetSubscription', { subscription })).toMatchObject({ detached: true });
  });

  test('which of 300 ids failed, and why, comes with the refusal, ErrorInfo first', async () => {
    const ids = Array.from({ length: 300 }, (__, index) => `${index}`.padStart(60, 'x'));
    const metadata = Object.fromEntries(
      ids.map((id) => [id, 'PERMANENT_FAILURE_INVALID_ACK_ID'] as const),
    );
    const info = {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'EXACTLY_ONCE_ACKID_FAILURE',
      domain: 'pubsub.googleapis.com',
      metadata,
    } as const;
    const message = 'Some acknowledgement ids in the request were invalid.';
    fixture.broker.acknowledgeError = new RpcError('INVALID_ARGUMENT', info.reason, message, {
      details: [info],
    });
    const refusal: unknown = await wire
      .call('Acknowledge', { subscription, ackIds: ids })
      .catch((error: unknown) => error);
    const { '@type': _type, ...shown } = info;
    expect(refusal).toBeInstanceOf(CallRefusal);
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', message, details: [shown] });
  });
});

test('a snapshot that nobody named is named, beside its subscription (gRPC alone)', async () => {
  const answer = await wires[0]!.call<{ name: string }>('CreateSnapshot', { subscription });
  expect(answer.name).toMatch(/^projects\/p\/snapshots\/sna-[0-9a-f]{16}$/);
});
