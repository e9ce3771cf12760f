import { create, fromBinary, fromJsonString, toBinary, toJson } from '@bufbuild/protobuf';
import { anyPack, timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from '../../proto/google/rpc/error_details_pb.ts';
import {
  ClientFrameSchema,
  ServerFrameSchema,
  SettleResult,
  type ClientFrame,
  type ServerFrame,
} from '../../proto/sealpost/v1/websocket_pb.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Codec, OutgoingFrame, PublishMessage, ServerFrame as Decoded } from './frame.ts';
import { jsonCodec } from './json-codec.ts';
import { protoCodec } from './proto-codec.ts';

/** The generated code reads what the client writes, and writes what the client reads. */
interface Wire {
  readonly codec: Codec;
  readonly read: (frame: OutgoingFrame) => ClientFrame;
  readonly write: (frame: ServerFrame) => unknown;
}

const buffer = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer;

const wires: readonly Wire[] = [
  {
    codec: protoCodec,
    read: (frame) => fromBinary(ClientFrameSchema, frame as Uint8Array),
    write: (frame) => buffer(toBinary(ServerFrameSchema, frame)),
  },
  {
    codec: jsonCodec,
    read: (frame) => fromJsonString(ClientFrameSchema, frame as string),
    write: (frame) => JSON.stringify(toJson(ServerFrameSchema, frame, { registry })),
  },
];

const registry = {
  [Symbol.iterator]: () => details[Symbol.iterator](),
  get: (name: string) => details.find(({ typeName }) => typeName === name),
  getMessage: (name: string) => details.find(({ typeName }) => typeName === name),
  getEnum: () => undefined,
  getExtension: () => undefined,
  getExtensionFor: () => undefined,
  getService: () => undefined,
  kind: 'registry' as const,
};
const details = [ErrorInfoSchema, PreconditionFailureSchema, RetryInfoSchema];

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'binary', maxLength: 40 });
const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const seconds = fc.integer({ min: 0, max: 600 });
const data = fc.uint8Array({ maxLength: 300 });
const attributes = fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text, { maxKeys: 5 });
const message: fc.Arbitrary<PublishMessage> = fc.record({
  data: fc.oneof(data, text),
  attributes,
  orderingKey: text,
});

describe.each(wires)('$codec.subprotocol', ({ codec, read, write }) => {
  test('writes what the generated code reads: hello', () => {
    const positions = fc.array(fc.tuple(id, fc.nat()), { maxLength: 4 });
    fc.assert(
      fc.property(text, text, positions, (sessionId, token, entries) => {
        const hello = codec.hello({ sessionId, token, positions: new Map(entries) });
        expect(read(hello).frame).toMatchObject({
          case: 'hello',
          value: {
            sessionId,
            token,
            streams: [...new Map(entries)].map(([stream, sequence]) => ({
              stream: BigInt(stream),
              sequence: BigInt(sequence),
            })),
          },
        });
      }),
    );
  });

  test('writes what the generated code reads: publish', () => {
    const property = fc.property(id, text, fc.array(message), (id, topic, messages) => {
      const frame = read(
        codec.publish(
          id,
          topic,
          messages.map((each) => codec.message(each)),
        ),
      );
      expect(frame.id).toBe(BigInt(id));
      const { value } = frame.frame as { value: { topic: string; messages: object[] } };
      expect(value.topic).toBe(topic);
      expect(value.messages.map((each) => ({ ...each }))).toMatchObject(
        messages.map(({ data = '', attributes = {}, orderingKey }) => ({
          data: typeof data === 'string' ? new TextEncoder().encode(data) : data,
          attributes,
          orderingKey,
        })),
      );
    });
    fc.assert(property);
  });

  test('knows how many bytes a message takes, at least', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), (messages) => {
        const encoded = messages.map((each) => codec.message(each));
        const frame = codec.publish(Number.MAX_SAFE_INTEGER, 'projects/p/topics/t', encoded);
        const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length;
        const counted = encoded.reduce((total, each) => total + each.bytes, 0);
        expect(bytes).toBeLessThanOrEqual(counted + 64 + 3 * 'projects/p/topics/t'.length);
      }),
    );
  });

  test('writes what the generated code reads: the rest', () => {
    const ids = fc.array(word, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(id, id, ids, seconds, word, (id, stream, ackIds, deadline, name) => {
        const big = BigInt(stream);
        const request = {
          subscription: name,
          topic: '',
          ackDeadlineSeconds: deadline,
          maxOutstandingMessages: 7,
          maxOutstandingBytes: stream,
        };
        expect(read(codec.subscribe(id, request)).frame).toMatchObject({
          case: 'subscribe',
          value: {
            source: { case: 'subscription', value: name },
            ackDeadlineSeconds: deadline,
            maxOutstandingMessages: 7n,
            maxOutstandingBytes: big,
          },
        });
        const topic = { ...request, subscription: '', topic: name };
        expect(read(codec.subscribe(id, topic)).frame).toMatchObject({
          value: { source: { case: 'topic', value: name } },
        });
        expect(read(codec.unsubscribe(id, stream))).toMatchObject({
          id: BigInt(id),
          frame: { case: 'unsubscribe', value: { stream: big } },
        });
        expect(
          read(codec.settle(id, { stream, ackIds, deadlineSeconds: null })).frame,
        ).toMatchObject({ case: 'acknowledge', value: { stream: big, ackIds } });
        const moved = read(codec.settle(id, { stream, ackIds, deadlineSeconds: deadline }));
        expect(moved.frame).toMatchObject({
          case: 'modifyAckDeadline',
          value: { stream: big, ackIds, ackDeadlineSeconds: deadline },
        });
        expect(read(codec.ping())).toMatchObject({ id: 0n, frame: { case: 'ping' } });
      }),
    );
  });

  const decoded = (frame: ServerFrame['frame'], id = 0): Decoded =>
    codec.decode(write(create(ServerFrameSchema, { id: BigInt(id), frame })));

  test('reads what the generated code writes: welcome, subscribed, answers', () => {
    const welcome = {
      sessionId: 'sé',
      resumed: true,
      resumeSeconds: 60,
      keepAliveSeconds: 30,
      maxFrameBytes: 2n ** 40n,
      maxRequests: 1000,
      maxStreams: 100,
    };
    expect(decoded({ case: 'welcome', value: welcome as never })).toEqual({
      kind: 'welcome',
      id: 0,
      sessionId: 'sé',
      resumed: true,
      keepAliveSeconds: 30,
      maxFrameBytes: 2 ** 40,
      maxRequests: 1000,
    });
    const subscribed = {
      subscription: 'projects/p/subscriptions/s',
      ephemeral: true,
      ackDeadlineSeconds: 10,
      maxOutstandingMessages: 5n,
      maxOutstandingBytes: 6n,
      exactlyOnceDeliveryEnabled: true,
      messageOrderingEnabled: true,
    };
    expect(decoded({ case: 'subscribed', value: subscribed as never }, 9)).toEqual({
      kind: 'subscribed',
      id: 9,
      ...subscribed,
      maxOutstandingMessages: 5,
      maxOutstandingBytes: 6,
    });
    const messageIds = ['1', '22'];
    expect(decoded({ case: 'published', value: { messageIds } as never }, 2)).toEqual({
      kind: 'published',
      id: 2,
      messageIds,
    });
    const plain = { subscription: 's' };
    expect(decoded({ case: 'subscribed', value: plain as never }, 9)).toMatchObject({
      exactlyOnceDeliveryEnabled: false,
      messageOrderingEnabled: false,
    });
    const results = [
      SettleResult.DONE,
      SettleResult.EXPIRED,
      SettleResult.INVALID,
      SettleResult.UNORDERED,
      SettleResult.FAILED,
    ];
    expect(decoded({ case: 'settled', value: { results } as never }, 3)).toEqual({
      kind: 'settled',
      id: 3,
      results: ['done', 'expired', 'invalid', 'unordered', 'failed'],
    });
    for (const kind of ['unsubscribed', 'pong'] as const) {
      expect(decoded({ case: kind, value: {} } as never, 4)).toEqual({ kind, id: 4 });
    }
  });

  test('reads what the generated code writes: deliver', () => {
    const received = fc.record({
      ackId: word,
      data,
      attributes,
      id: word,
      orderingKey: text,
      publishTimeMs: fc.integer({ min: 0, max: 4e12 }),
      deliveryAttempt: fc.nat(100),
    });
    fc.assert(
      fc.property(id, fc.array(received, { maxLength: 4 }), (sequence, messages) => {
        const value = {
          sequence: BigInt(sequence),
          receivedMessages: messages.map((each) => ({
            ackId: each.ackId,
            deliveryAttempt: each.deliveryAttempt,
            message: {
              data: each.data,
              attributes: each.attributes,
              messageId: each.id,
              orderingKey: each.orderingKey,
              publishTime: timestampFromMs(each.publishTimeMs),
            },
          })),
        };
        const frame = decoded({ case: 'deliver', value: value as never }, 5);
        expect(frame).toEqual({ kind: 'deliver', id: 5, sequence, messages });
      }),
    );
  });

  test('reads what the generated code writes: errors with their details', () => {
    const info = { reason: 'KEY_DISABLED', domain: 'pubsub.googleapis.com', metadata: { a: 'b' } };
    const violations = [{ type: 't', subject: 's', description: 'd' }];
    const value = {
      code: 9,
      status: 'FAILED_PRECONDITION',
      reason: 'KEY_DISABLED',
      message: 'Nö.',
      details: [
        anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info)),
        anyPack(PreconditionFailureSchema, create(PreconditionFailureSchema, { violations })),
        anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 3n } })),
      ],
    };
    const frame = decoded({ case: 'error', value: value as never }, 6);
    expect(frame).toMatchObject({
      kind: 'error',
      id: 6,
      error: {
        code: 9,
        status: 'FAILED_PRECONDITION',
        reason: 'KEY_DISABLED',
        message: 'Nö.',
        details: [
          { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', ...info },
          { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations },
          { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3s' },
        ],
      },
    });
  });

  test('passes over a frame of a newer server', () => {
    expect(codec.decode(write(create(ServerFrameSchema, { id: 7n })))).toEqual({
      kind: 'unknown',
      id: 7,
    });
  });

  test.each([['the other kind'], ['']])('refuses what is no frame', () => {
    expect(() => codec.decode(null)).toThrow(TypeError);
    expect(() => codec.decode(codec === protoCodec ? '{}' : new ArrayBuffer(0))).toThrow(TypeError);
  });
});

test('protobuf that is cut short anywhere throws, or is a shorter frame', () => {
  const bytes = toBinary(
    ServerFrameSchema,
    create(ServerFrameSchema, {
      id: 300n,
      frame: { case: 'published', value: { messageIds: ['1', '2'] } as never },
    }),
  );
  const outcomes = Array.from({ length: bytes.length }, (_, length) => {
    try {
      return protoCodec.decode(buffer(bytes.subarray(0, length))).kind;
    } catch (error) {
      return (error as Error).name;
    }
  });
  expect(new Set(outcomes)).toEqual(new Set(['unknown', 'RangeError']));
});

test('protobuf of any bytes is read or refused, and never takes for ever', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        protoCodec.decode(buffer(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});

test('base64 is that of Node, in both alphabets', () => {
  fc.assert(
    fc.property(data, (bytes) => {
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      for (const form of ['base64', 'base64url'] as const) {
        expect(decodeBase64(Buffer.from(bytes).toString(form))).toEqual(new Uint8Array(bytes));
      }
    }),
  );
  expect(() => decodeBase64('a b=')).toThrow(RangeError);
  expect(() => decodeBase64('é')).toThrow(RangeError);
});
