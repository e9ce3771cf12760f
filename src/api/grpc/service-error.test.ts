import { connect, type Settings } from 'node:http2';
import { createConnection } from 'node:net';

import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../../../test/support/api-fixture.ts';
import { RpcError } from '../../rpc/index.ts';
import { ErrorInfoSchema } from '../../proto/google/rpc/error_details_pb.ts';
import { StatusSchema, type Status } from '../../proto/google/rpc/status_pb.ts';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.api.drain(200));

const path = '/google.pubsub.v1.Subscriber/Acknowledge';
/** AcknowledgeRequest { subscription, ack_ids: ["a"] } */
const name = 'projects/p/subscriptions/sub';
const request = Buffer.concat([
  Buffer.from([0x0a, name.length]),
  Buffer.from(name),
  Buffer.from([0x12, 1, 0x61]),
]);
const text =
  'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.';

/** Every acknowledgement fails for so many ids of 170 characters. */
function failFor(idCount: number): void {
  const ids = Array.from({ length: idCount }, (_, n) => String(n).padStart(170, 'x'));
  const metadata = Object.fromEntries(ids.map((id) => [id, 'PERMANENT_FAILURE_INVALID_ACK_ID']));
  fixture.broker.acknowledge = async () => {
    throw new RpcError('INVALID_ARGUMENT', 'EXACTLY_ONCE_ACKID_FAILURE', text, {
      details: [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' },
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'EXACTLY_ONCE_ACKID_FAILURE',
          domain: 'pubsub.googleapis.com',
          metadata,
        },
      ],
    });
  };
}

/** A client that takes headers of any size, announces `settings` and calls itself `agent`. */
async function trailersOf(
  settings: Settings,
  agent: string,
): Promise<{ readonly code: number; readonly message: string; readonly status?: Status }> {
  const session = connect(fixture.api.url, {
    settings: { maxHeaderListSize: 4 * 1024 * 1024, ...settings },
  });
  // The server has to know what was announced before it answers.
  await new Promise((resolve) => session.once('localSettings', resolve));
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'user-agent': agent,
    te: 'trailers',
  });
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on('response', resolve);
    stream.on('error', reject);
  });
  session.destroy();
  const details = headers['grpc-status-details-bin'] as string | undefined;
  const head = { code: Number(headers['grpc-status']), message: String(headers['grpc-message']) };
  if (details === undefined) return head;
  return { ...head, status: fromBinary(StatusSchema, Buffer.from(details, 'base64')) };
}

/**
 * Bytes of the answer's header block, all its frames together, to a client that announces so much
 * (RFC 9113, 6.2 and 6.10). Frames by hand: Node's client breaks off above 64 KiB.
 */
async function headerBlockBytes(announced: number): Promise<number> {
  const frame = (type: number, flags: number, stream: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, body]);
  };
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(6, 0);
  setting.writeUInt32BE(announced, 2);
  // HPACK literals that are not indexed, with names in full (RFC 7541, 6.2.2).
  const literal = (text: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0, text.length]),
      Buffer.from(text),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  const headers = Buffer.concat([
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', path),
    literal(':authority', 'localhost'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ]);
  const socket = createConnection(fixture.api.port, '127.0.0.1');
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frame(4, 0, 0, setting));
  socket.write(frame(1, 4, 1, headers));
  const message = Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]);
  socket.write(frame(0, 1, 1, message));
  let waiting = Buffer.alloc(0);
  let total = 0;
  for await (const chunk of socket) {
    waiting = Buffer.concat([waiting, chunk as Buffer]);
    while (waiting.length >= 9 && waiting.length >= 9 + waiting.readUIntBE(0, 3)) {
      const length = waiting.readUIntBE(0, 3);
      const [type, flags] = [waiting[3]!, waiting[4]!];
      waiting = waiting.subarray(9 + length);
      if (type !== 1 && type !== 9) continue;
      total += length;
      if ((flags & 4) !== 0) return total;
    }
  }
  throw new Error('the connection ended before the headers did');
}

const namedIds = (sent: Status | undefined): number => {
  const info = sent?.details[0] && anyUnpack(sent.details[0], ErrorInfoSchema);
  return Object.keys(info?.metadata ?? {}).length;
};

describe('google.rpc.Status in grpc-status-details-bin', () => {
  test('has the code of grpc-status, the same text, and ErrorInfo first', async () => {
    failFor(2);
    const answer = await trailersOf({}, 'test');
    expect(answer.code).toBe(status.INVALID_ARGUMENT);
    expect(answer.status).toMatchObject({ code: status.INVALID_ARGUMENT, message: text });
    expect(answer.status?.details.map(({ typeUrl }) => typeUrl)).toEqual([
      'type.googleapis.com/google.rpc.ErrorInfo',
      'type.googleapis.com/google.rpc.RetryInfo',
    ]);
    expect(namedIds(answer.status)).toBe(2);
  });

  test('names 3,000 ack ids to a client that announces the 4 MiB of the official ones', async () => {
    failFor(3_000);
    const bytes = await headerBlockBytes(4 * 1024 * 1024);
    // 3,000 times 170 characters of id, and 32 of verdict, in base64 that HPACK makes shorter.
    expect(bytes).toBeGreaterThan(600_000);
    expect(bytes).toBeLessThan(1_000_000);
  });

  test('is left out whole where the client announces less: unnamed ids would count as acknowledged', async () => {
    failFor(3_000);
    const answer = await trailersOf({ maxHeaderListSize: 100_000 }, 'grpc-java-netty/1.60');
    expect(answer).toEqual({ code: status.INVALID_ARGUMENT, message: encodeURI(text) });
    failFor(200);
    const fits = await trailersOf({ maxHeaderListSize: 100_000 }, 'grpc-java-netty/1.60');
    expect(namedIds(fits.status)).toBe(200);
  });

  test("does not break Node's own client, which announces nothing and takes 64 KiB", async () => {
    const client = new Client(`127.0.0.1:${fixture.api.port}`, credentials.createInsecure());
    const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
    for (const idCount of [200, 220, 3_000]) {
      failFor(idCount);
      const error = await new Promise<ServiceError>((resolve) => {
        client.makeUnaryRequest(path, asIs, asIs, request, (refusal) => resolve(refusal!));
      });
      expect([error.code, error.details]).toEqual([status.INVALID_ARGUMENT, text]);
      const [bytes] = error.metadata.get('grpc-status-details-bin');
      const sent = bytes === undefined ? undefined : fromBinary(StatusSchema, bytes as Buffer);
      expect(namedIds(sent)).toBe(idCount <= 200 ? idCount : 0);
    }
    client.close();
  });

  test('a text that repeats a megabyte of the request is cut short', async () => {
    fixture.broker.acknowledge = async () => {
      const message = `You have passed an invalid ack ID to the service (ack_id=${'é'.repeat(1_000_000)}).`;
      throw new RpcError('FAILED_PRECONDITION', 'BAD_ACK_ID', message);
    };
    const answer = await trailersOf({}, 'test');
    expect(answer.code).toBe(status.FAILED_PRECONDITION);
    expect(decodeURI(answer.message)).toMatch(/^You have passed an invalid ack ID.{1,1970}$/);
    expect(answer.status?.message).toBe(decodeURI(answer.message));
  });
});
