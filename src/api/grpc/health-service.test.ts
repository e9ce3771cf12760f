import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { JumpingClock } from '../../../test/support/jumping-clock.ts';
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from '../../proto/grpc/health/v1/health_pb.ts';

const clock = new JumpingClock();
let isReady: boolean;
let fixture: ApiFixture;
let client: Client;
beforeEach(async () => {
  isReady = true;
  fixture = await startFixture({ clock, ready: () => isReady });
  client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await fixture.api.drain(200);
});

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const requestFor = (service: string): Uint8Array =>
  toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));

function call(name: string, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const path = `/grpc.health.v1.Health/${name}`;
    client.makeUnaryRequest(path, asIs, asIs, bytes, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}

async function check(service: string): Promise<Status> {
  const reply = await call('Check', requestFor(service));
  return fromBinary(HealthCheckResponseSchema, reply).status;
}

interface Watch {
  readonly seen: Status[];
  readonly ended: Promise<{ code: status; details: string }>;
  readonly cancel: () => void;
}

function watch(service: string): Watch {
  const path = '/grpc.health.v1.Health/Watch';
  const stream = client.makeServerStreamRequest(path, asIs, asIs, requestFor(service));
  const seen: Status[] = [];
  stream.on('data', (bytes: Buffer) =>
    seen.push(fromBinary(HealthCheckResponseSchema, bytes).status),
  );
  stream.on('error', () => undefined);
  const ended = new Promise<{ code: status; details: string }>((resolve) => {
    stream.on('status', ({ code, details }) => resolve({ code, details }));
  });
  return { seen, ended, cancel: () => stream.cancel() };
}

describe('Check and List', () => {
  test.each([
    '',
    'google.pubsub.v1.Publisher',
    'google.pubsub.v1.Subscriber',
    'grpc.health.v1.Health',
  ])('of "%s" say what /readyz says', async (service) => {
    expect(await check(service)).toBe(Status.SERVING);
    isReady = false;
    expect(await check(service)).toBe(Status.NOT_SERVING);
    expect((await fetch(`${fixture.api.url}/readyz`)).status).toBe(503);
  });

  test('a service that is not served is NOT_FOUND', async () => {
    const error = await check('no.such.Service').catch((thrown: ServiceError) => thrown);
    expect(error).toMatchObject({
      code: status.NOT_FOUND,
      details: 'The service no.such.Service is not served here.',
    });
  });

  test('List names the server and each service', async () => {
    const { statuses } = fromBinary(HealthListResponseSchema, await call('List', Buffer.alloc(0)));
    expect(Object.keys(statuses)).toEqual(
      expect.arrayContaining([
        '',
        'google.pubsub.v1.Publisher',
        'grpc.reflection.v1.ServerReflection',
      ]),
    );
    for (const each of Object.values(statuses)) expect(each.status).toBe(Status.SERVING);
  });

  test('bytes that are no request are INVALID_ARGUMENT', async () => {
    const error = await call('Check', Buffer.from([0x0a, 0xff])).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('Watch', () => {
  test('says the status now and again whenever it changes', async () => {
    const { seen, ended, cancel } = watch('');
    await expect.poll(() => seen).toEqual([Status.SERVING]);
    isReady = false;
    clock.jump(1_000);
    await expect.poll(() => seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
    clock.jump(1_000);
    isReady = true;
    clock.jump(1_000);
    await expect.poll(() => seen).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    cancel();
    expect((await ended).code).toBe(status.CANCELLED);
    await expect
      .poll(() => fixture.observed)
      .toContainEqual(['grpc.health.v1.Health.Watch', 'CANCELLED']);
  });

  test('of a service that is not served is SERVICE_UNKNOWN, and goes on', async () => {
    const { seen, cancel } = watch('no.such.Service');
    await expect.poll(() => seen).toEqual([Status.SERVICE_UNKNOWN]);
    expect(await check('')).toBe(Status.SERVING);
    cancel();
  });

  test('says NOT_SERVING when the server drains, then ends with UNAVAILABLE', async () => {
    const { seen, ended } = watch('google.pubsub.v1.Publisher');
    await expect.poll(() => seen).toEqual([Status.SERVING]);
    const drained = fixture.api.drain(5_000);
    expect((await ended).code).toBe(status.UNAVAILABLE);
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
    client.close();
    await drained;
  });
});
