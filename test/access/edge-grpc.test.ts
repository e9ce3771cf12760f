import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  PublishRequestSchema,
  PublishResponseSchema,
  PullRequestSchema,
} from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { WatchRequestSchema } from '../../src/proto/sealpost/v1/key_watch_pb.ts';
import { startFixture, type ApiFixture } from '../support/api-fixture.ts';
import { StreamClient } from '../support/stream-client.ts';
import { TableAccess } from '../support/table-access.ts';

const topic = 'projects/p-one/topics/orders';
const subscription = 'projects/p-one/subscriptions/orders';
const publishPath = '/google.pubsub.v1.Publisher/Publish';
const alice = 'user:alice@example.com';
const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

let access: TableAccess;
let fixture: ApiFixture;
let client: Client;

beforeEach(async () => {
  access = new TableAccess();
  access.members.set('alice', alice).set('spk_alice', alice).set('bob', 'user:bob@example.com');
  access.grant(alice, 'pubsub.topics.publish', topic);
  access.grant(alice, 'pubsub.subscriptions.consume', subscription);
  access.grant(alice, 'sealpost.keyWatch.watch', 'organizations/sealpost');
  fixture = await startFixture({
    access,
    keyWatch: {
      watch: (_id, listener) => {
        listener({ kind: 'resync', resource: '' });
        return () => undefined;
      },
      projectNumber: async () => '1',
      reportUse: () => undefined,
    },
  });
  const { broker } = fixture;
  await broker.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 10 } as never);
  broker.calls.length = 0;
  client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
});

afterEach(async () => {
  client.close();
  await fixture.api.drain(0);
});

function metadataOf(...pairs: readonly (readonly [string, string])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) metadata.add(name, value);
  return metadata;
}

const bearer = (token: string): Metadata => metadataOf(['authorization', `Bearer ${token}`]);

/** The name of the status that a call ends with. */
async function outcome(path: string, request: Uint8Array, metadata: Metadata): Promise<string> {
  return await new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), metadata, (error) =>
      resolve(status[error?.code ?? 0]!),
    );
  });
}

const publishRequest = toBinary(
  PublishRequestSchema,
  create(PublishRequestSchema, { topic, messages: [{ data: Buffer.from('x') }] }),
);
const publish = (metadata: Metadata): Promise<string> =>
  outcome(publishPath, publishRequest, metadata);

describe('a unary call', () => {
  test.each([
    ['with a token', [['authorization', 'Bearer alice']], 'OK'],
    ['with an API key', [['x-goog-api-key', 'spk_alice']], 'OK'],
    ['without credentials', [], 'UNAUTHENTICATED'],
    ['as the emulator would let it in', [['authorization', 'Bearer owner']], 'UNAUTHENTICATED'],
    ['with a list of tokens', [['authorization', 'Bearer alice, Bearer alice']], 'UNAUTHENTICATED'],
    [
      'with two API keys',
      [
        ['x-goog-api-key', 'spk_alice'],
        ['x-goog-api-key', 'spk_alice'],
      ],
      'UNAUTHENTICATED',
    ],
    [
      'with a bad token and a good key',
      [
        ['authorization', 'Bearer x'],
        ['x-goog-api-key', 'spk_alice'],
      ],
      'UNAUTHENTICATED',
    ],
    ['of a stranger', [['authorization', 'Bearer bob']], 'PERMISSION_DENIED'],
  ] as const)('%s', async (_what, pairs, expected) => {
    expect(await publish(metadataOf(...pairs))).toBe(expected);
    access.isSlow = false;
    expect(await publish(metadataOf(...pairs))).toBe(expected);
    expect(fixture.broker.published).toHaveLength(expected === 'OK' ? 2 : 0);
  });

  test('to the health service needs no credentials', async () => {
    expect(await outcome('/grpc.health.v1.Health/Check', Buffer.alloc(0), new Metadata())).toBe(
      'OK',
    );
    expect(access.presented).toEqual([]);
  });

  test('to a method that is not built tells strangers nothing of it', async () => {
    const path = '/google.iam.v1.IAMPolicy/GetIamPolicy';
    expect(await outcome(path, Buffer.alloc(0), new Metadata())).toBe('UNAUTHENTICATED');
  });
});

describe('streams of one HTTP/2 connection', () => {
  let session: ClientHttp2Session;
  beforeEach(() => {
    const loose = { strictSingleValueFields: false } as object;
    session = connectHttp2(`http://127.0.0.1:${fixture.api.port}`, loose);
  });
  afterEach(() => session.destroy());

  /** The grpc-status of a Publish. */
  async function ask(...authorizations: readonly string[]): Promise<string> {
    const stream = session.request([
      ':method',
      'POST',
      ':path',
      publishPath,
      'content-type',
      'application/grpc',
      'te',
      'trailers',
      ...authorizations.flatMap((value) => ['authorization', value]),
    ] as never);
    const length = Buffer.alloc(5);
    length.writeUInt32BE(publishRequest.length, 1);
    stream.end(Buffer.concat([length, publishRequest]));
    let code: unknown;
    stream.on('response', (headers) => (code ??= headers['grpc-status']));
    stream.on('trailers', (headers) => (code ??= headers['grpc-status']));
    stream.resume();
    await once(stream, 'close');
    return status[Number(code)]!;
  }

  test('are judged each by its own token', async () => {
    const tokens = ['alice', 'bob', 'nobody', 'alice', 'bob'];
    const codes = await Promise.all(tokens.map((token) => ask(`Bearer ${token}`)));
    const [good, stranger, unknown] = ['OK', 'PERMISSION_DENIED', 'UNAUTHENTICATED'];
    expect(codes).toEqual([good, stranger, unknown, good, stranger]);
  });

  test('that say twice who calls are refused', async () => {
    expect(await ask('Bearer alice', 'Bearer bob')).toBe('UNAUTHENTICATED');
    expect(await ask('Bearer alice', 'Bearer alice')).toBe('UNAUTHENTICATED');
    expect(await ask('Bearer alice')).toBe('OK');
  });
});

describe('a streaming pull', () => {
  function open(metadata: Metadata): StreamClient {
    const path = '/google.pubsub.v1.Subscriber/StreamingPull';
    const call = client.makeBidiStreamRequest(path, asIs, asIs, metadata, {});
    return new StreamClient(call, { subscription, streamAckDeadlineSeconds: 10 });
  }

  test.each([
    ['without credentials', new Metadata(), 'UNAUTHENTICATED'],
    ['of a stranger', bearer('bob'), 'PERMISSION_DENIED'],
  ])('%s never reaches the broker', async (_what, metadata, code) => {
    expect((await open(metadata).ended).code).toBe(code);
    expect(fixture.broker.streams).toEqual([]);
  });

  test.each([
    [
      'the permission',
      'PERMISSION_DENIED',
      () => access.revokeGrant(alice, 'pubsub.subscriptions.consume', subscription),
    ],
    ['the credentials', 'UNAUTHENTICATED', () => access.revoke(alice)],
  ])('ends at once when its caller loses %s', async (_what, code, takeAway) => {
    const stream = open(bearer('alice'));
    await expect.poll(() => stream.responses.length, { timeout: 20_000 }).toBe(1);
    takeAway();
    expect((await stream.ended).code).toBe(code);
    expect(fixture.broker.streams[0]!.isClosed).toBe(true);
  });

  test('goes on when something else is taken away', async () => {
    const stream = open(bearer('alice'));
    await expect.poll(() => stream.responses.length, { timeout: 20_000 }).toBe(1);
    access.revokeGrant(alice, 'pubsub.topics.publish', topic);
    access.revoke('user:bob@example.com');
    stream.send({});
    await expect.poll(() => stream.responses.length, { timeout: 20_000 }).toBe(2);
  });
});

describe('a pull that waits', () => {
  test('ends when its caller may pull no more', async () => {
    fixture.broker.pullWaits = true;
    const request = create(PullRequestSchema, { subscription, maxMessages: 1 });
    const pulled = outcome(
      '/google.pubsub.v1.Subscriber/Pull',
      toBinary(PullRequestSchema, request),
      bearer('alice'),
    );
    await expect.poll(() => fixture.broker.calls.length, { timeout: 20_000 }).toBe(1);
    access.revokeGrant(alice, 'pubsub.subscriptions.consume', subscription);
    expect(await pulled).toBe('PERMISSION_DENIED');
  });
});

describe('a key watch', () => {
  function watch(metadata: Metadata): { readonly ended: Promise<string>; readonly seen: Buffer[] } {
    const request = Buffer.from(toBinary(WatchRequestSchema, create(WatchRequestSchema)));
    const path = '/sealpost.v1.KeyWatch/Watch';
    const call = client.makeServerStreamRequest(path, asIs, asIs, request, metadata);
    const seen: Buffer[] = [];
    call.on('data', (bytes: Buffer) => seen.push(bytes));
    const ended = new Promise<string>((resolve) => {
      call.on('error', (error: ServiceError) => resolve(status[error.code]));
    });
    return { ended, seen };
  }

  test('is for whoever may watch, and ends when he may no more', async () => {
    expect(await watch(new Metadata()).ended).toBe('UNAUTHENTICATED');
    expect(await watch(bearer('bob')).ended).toBe('PERMISSION_DENIED');
    const { seen, ended } = watch(bearer('alice'));
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(1);
    access.revokeGrant(alice, 'sealpost.keyWatch.watch', 'organizations/sealpost');
    expect(await ended).toBe('PERMISSION_DENIED');
  });
});

test('what is answered is what was published', async () => {
  const reply = await new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(
      publishPath,
      asIs,
      asIs,
      Buffer.from(publishRequest),
      bearer('alice'),
      (error, bytes) => (error === null ? resolve(bytes!) : reject(error)),
    );
  });
  expect(fromBinary(PublishResponseSchema, reply).messageIds).toHaveLength(1);
});
