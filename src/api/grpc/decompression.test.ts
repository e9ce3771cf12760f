import { connect } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';

import { create, toBinary } from '@bufbuild/protobuf';
import { Client, compressionAlgorithms, credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { PublishRequestSchema } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { Turnstile } from './decompression.ts';

const megabytes = 1024 * 1024;
const path = '/google.pubsub.v1.Publisher/Publish';
const topic = 'projects/p/topics/orders';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await startFixture({ limits: { requestBytesMax: 64 * megabytes } });
});
afterEach(() => fixture.api.drain(200));

const publishOf = (bytes: number): Uint8Array =>
  toBinary(
    PublishRequestSchema,
    create(PublishRequestSchema, { topic, messages: [{ data: Buffer.alloc(bytes) }] }),
  );

/** grpc-status of one request with a compressed message, and the encoding of the answer. */
async function send(encoding: string, message: Uint8Array): Promise<[number, unknown]> {
  const session = connect(fixture.api.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
    te: 'trailers',
  });
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
  const answer = await new Promise<[number, unknown]>((resolve, reject) => {
    let seen: unknown;
    stream.on('response', (headers) => {
      seen = headers['grpc-encoding'];
      if (headers['grpc-status'] !== undefined) resolve([Number(headers['grpc-status']), seen]);
    });
    stream.on('trailers', (headers) => resolve([Number(headers['grpc-status']), seen]));
    stream.on('error', reject);
    stream.resume();
  });
  session.destroy();
  return answer;
}

describe('compressed requests', () => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('%s is taken, and answered as it is', async (encoding, compress) => {
    expect(await send(encoding, compress(publishOf(5 * megabytes)))).toEqual([
      status.OK,
      'identity',
    ]);
    expect(fixture.broker.published[0]?.messages[0]?.bytes.length).toBeGreaterThan(5 * megabytes);
  });

  test('a bomb of 200 KB that holds 200 MB is RESOURCE_EXHAUSTED', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * megabytes));
    expect(bomb.length).toBeLessThan(megabytes);
    expect((await send('gzip', bomb))[0]).toBe(status.RESOURCE_EXHAUSTED);
    expect((await send('gzip', gzipSync(publishOf(10))))[0]).toBe(status.OK);
  });

  test('what is not compressed after all, or by something unknown, is refused', async () => {
    expect((await send('gzip', publishOf(10)))[0]).toBe(status.INTERNAL);
    expect((await send('br', publishOf(10)))[0]).toBe(status.UNIMPLEMENTED);
  });

  test('many that are within the limit each are held to the budget of all requests together', async () => {
    // 20 times 9 MiB, through the wire as 9 KiB each: seven of them fit into the budget of 64.
    const bytes = publishOf(9 * megabytes);
    const released = Promise.withResolvers<void>();
    fixture.broker.publish = async () => {
      await released.promise;
      return ['1'];
    };
    const client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    const asIs = (each: Uint8Array): Buffer => Buffer.from(each);
    const codes: status[] = [];
    for (let n = 0; n < 20; n++) {
      client.makeUnaryRequest(path, asIs, asIs, bytes, (error) =>
        codes.push(error?.code ?? status.OK),
      );
    }
    await expect.poll(() => codes.length, { timeout: 15_000 }).toBe(13);
    expect(new Set(codes)).toEqual(new Set([status.RESOURCE_EXHAUSTED]));
    released.resolve();
    await expect.poll(() => codes.length, { timeout: 15_000 }).toBe(20);
    expect(codes.filter((code) => code === status.OK)).toHaveLength(7);
    client.close();
    // What they held was given back with their streams.
    await expect.poll(async () => (await send('gzip', gzipSync(bytes)))[0]).toBe(status.OK);
  });
});

describe('a turnstile', () => {
  test('lets so many through at a time, in their order, whether they succeed or fail', async () => {
    const turnstile = new Turnstile(2);
    const began: number[] = [];
    const ends: PromiseWithResolvers<void>[] = [];
    const passes = [0, 1, 2, 3].map((n) =>
      turnstile.pass(async () => {
        began.push(n);
        ends[n] = Promise.withResolvers();
        await ends[n].promise;
        return n;
      }),
    );
    const failed = passes[0]!.catch((error: unknown) => error);
    expect(began).toEqual([0, 1]);
    ends[0]!.reject(new Error('no'));
    expect(await failed).toEqual(new Error('no'));
    expect(began).toEqual([0, 1, 2]);
    ends[2]!.resolve();
    expect(await passes[2]).toBe(2);
    expect(began).toEqual([0, 1, 2, 3]);
    ends[1]!.resolve();
    ends[3]!.resolve();
    expect(await Promise.all([passes[1], passes[3]])).toEqual([1, 3]);
    expect(await turnstile.pass(async () => 'free')).toBe('free');
  });
});
