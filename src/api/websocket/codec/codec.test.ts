import {
  create,
  createRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeMessage, limits, type Delivery } from '../../../broker/index.ts';
import { RpcError, statusTable } from '../../../rpc/index.ts';
import { packDetail, toWireError } from '../../error-mapping.ts';
import { PubsubMessageSchema } from '../../../proto/google/pubsub/v1/pubsub_pb.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../../proto/google/rpc/error_details_pb.ts';
import {
  ClientFrameSchema,
  ServerFrameSchema,
  SettleResult as SettleNumber,
  type ServerFrame,
} from '../../../proto/sealpost/v1/websocket_pb.ts';
import type { ClientFrame, FrameCodec, OutgoingFrame } from '../frames.ts';
import { frameCodecs } from './index.ts';

const codecs = [...frameCodecs.values()];
type Init = MessageInitShape<typeof ClientFrameSchema>;
type ServerInit = MessageInitShape<typeof ServerFrameSchema>;

function clientBytes({ isBinary }: FrameCodec, init: Init, useProtoFieldName = false): Buffer {
  const message = create(ClientFrameSchema, init);
  if (isBinary) return Buffer.from(toBinary(ClientFrameSchema, message));
  return Buffer.from(toJsonString(ClientFrameSchema, message, { useProtoFieldName }));
}

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

function serverMessage({ isBinary }: FrameCodec, frame: OutgoingFrame): ServerFrame {
  if (isBinary) return fromBinary(ServerFrameSchema, frame as Uint8Array);
  return fromJsonString(ServerFrameSchema, Buffer.from(frame).toString(), { registry });
}

const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((each) => each.isWellFormed());
const name = text.filter((each) => each !== '');
const safe = fc.maxSafeNat();
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const key = fc
  .oneof(fc.constant('__proto__'), fc.constant('constructor'), name)
  .filter((each) => !each.startsWith('goog') && each.length <= 50);
const message = fc.record({
  data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  attributes: fc.uniqueArray(fc.tuple(key, text), { selector: ([k]) => k, maxLength: 3 }),
  orderingKey: text,
});

/** A frame as the generated code takes it, and the same as the session should get it. */
interface Example {
  readonly frame: NonNullable<Init['frame']>;
  readonly read: unknown;
}

const publish = fc
  .record({ topic: text, messages: fc.array(message, { minLength: 1, maxLength: 4 }) })
  .map(({ topic, messages }): Example => {
    const sent = messages.map((each) => ({
      ...each,
      attributes: Object.fromEntries(each.attributes),
    }));
    const parts = messages.map((each) => ({
      ...each,
      data: Buffer.from(each.data),
      attributes: new Map(each.attributes),
    }));
    return {
      frame: { case: 'publish', value: { topic, messages: sent } },
      read: { kind: 'publish', topic, messages: parts },
    };
  });

const hello = fc
  .record({ sessionId: text, token: text, positions: fc.array(fc.tuple(safe, safe)) })
  .map(({ sessionId, token, positions }): Example => {
    const streams = positions.map(([stream, sequence]) => ({
      stream: BigInt(stream),
      sequence: BigInt(sequence),
    }));
    return {
      frame: { case: 'hello', value: { sessionId, token, streams } },
      read: { kind: 'hello', sessionId, token, positions: new Map(positions) },
    };
  });

const deadline = fc.oneof(fc.constant(0), fc.integer({ min: 10, max: 600 }));
const subscribe = fc.tuple(fc.boolean(), name, deadline, safe, safe).map((drawn): Example => {
  const [isTopic, source, ackDeadlineSeconds, messagesMax, bytesMax] = drawn;
  return {
    frame: {
      case: 'subscribe',
      value: {
        source: { case: isTopic ? 'topic' : 'subscription', value: source },
        ackDeadlineSeconds,
        maxOutstandingMessages: BigInt(messagesMax),
        maxOutstandingBytes: BigInt(bytesMax),
      },
    },
    read: {
      kind: 'subscribe',
      subscription: isTopic ? '' : source,
      topic: isTopic ? source : '',
      ackDeadlineSeconds,
      outstandingMessagesMax: messagesMax,
      outstandingBytesMax: bytesMax,
    },
  };
});

const unsubscribe = safe.map((stream): Example => ({
  frame: { case: 'unsubscribe', value: { stream: BigInt(stream) } },
  read: { kind: 'unsubscribe', stream },
}));

const ackIds = fc.array(text, { minLength: 1, maxLength: 5 });
const settle = fc
  .tuple(safe, ackIds, fc.option(fc.integer({ min: 0, max: 600 })))
  .map(([stream, ids, seconds]): Example => ({
    frame:
      seconds === null
        ? { case: 'acknowledge', value: { stream: BigInt(stream), ackIds: ids } }
        : {
            case: 'modifyAckDeadline',
            value: { stream: BigInt(stream), ackIds: ids, ackDeadlineSeconds: seconds },
          },
    read: { kind: 'settle', stream, ackIds: ids, deadlineSeconds: seconds },
  }));

const ping = fc.constant<Example>({ frame: { case: 'ping', value: {} }, read: { kind: 'ping' } });
const examples = fc.oneof(publish, hello, subscribe, unsubscribe, settle, ping);

/** A frame with its messages in parts, so that two of them can be compared. */
function readable(frame: ClientFrame): unknown {
  if (frame.kind !== 'publish') return frame;
  const messages = frame.messages.map(({ bytes, orderingKey: latin1 }) => {
    const { data, attributes, orderingKey } = decodeMessage(bytes);
    expect(Buffer.from(latin1, 'latin1').toString()).toBe(orderingKey);
    return { data: Buffer.from(data), attributes: new Map(attributes), orderingKey };
  });
  return { ...frame, messages };
}

describe.each(codecs)('$subprotocol', (codec) => {
  test('what the generated code writes of a client is read, in either spelling', () => {
    fc.assert(
      fc.property(id, examples, fc.boolean(), (each, { frame, read }, isSnakeCase) => {
        const bytes = clientBytes(codec, { id: BigInt(each), frame }, isSnakeCase);
        expect(readable(codec.decode(bytes))).toEqual({ ...(read as object), id: each });
      }),
    );
  });

  test('what is written of a server is what the generated code reads', () => {
    const numbers = fc.tuple(id, fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1), safe, safe);
    fc.assert(
      fc.property(numbers, text, fc.boolean(), ([each, small, other, big, more], word, flag) => {
        const welcome = {
          sessionId: word,
          resumed: flag,
          resumeSeconds: small,
          keepAliveSeconds: other,
          maxRequests: small,
          maxStreams: other,
        };
        const subscribed = { subscription: word, ephemeral: flag, ackDeadlineSeconds: small };
        const frames: [OutgoingFrame, ServerInit['frame'], number?][] = [
          [
            codec.welcome({ ...welcome, maxFrameBytes: big }),
            { case: 'welcome', value: { ...welcome, maxFrameBytes: BigInt(big) } },
            0,
          ],
          [
            codec.subscribed(each, {
              ...subscribed,
              maxOutstandingMessages: big,
              maxOutstandingBytes: more,
            }),
            {
              case: 'subscribed',
              value: {
                ...subscribed,
                maxOutstandingMessages: BigInt(big),
                maxOutstandingBytes: BigInt(more),
              },
            },
          ],
          [codec.unsubscribed(each), { case: 'unsubscribed', value: {} }],
          [
            codec.published(each, [String(big), String(more)]),
            { case: 'published', value: { messageIds: [String(big), String(more)] } },
          ],
          [
            codec.settled(each, ['done', 'expired', 'invalid']),
            {
              case: 'settled',
              value: {
                results: [SettleNumber.DONE, SettleNumber.EXPIRED, SettleNumber.INVALID],
              },
            },
          ],
          [codec.pong(flag ? 0 : each), { case: 'pong', value: {} }, flag ? 0 : each],
        ];
        for (const [written, frame, frameId] of frames) {
          const wanted = create(ServerFrameSchema, { id: BigInt(frameId ?? each), frame: frame! });
          expect(serverMessage(codec, written)).toEqual(wanted);
        }
      }),
    );
  });

  test('deliveries come out as Pull gives them, whatever is in them', () => {
    const delivery = fc.record({
      message,
      ackId: fc.base64String({ maxLength: 200 }),
      messageId: safe.map(String),
      publishTimeMs: fc.nat(253_402_300_799_999),
      deliveryAttempt: fc.nat(1_000),
    });
    const batch = fc.array(delivery, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(id, id, batch, (stream, sequence, drawn) => {
        const parts = drawn.map(({ message: { attributes, ...rest }, ...each }) => ({
          ...each,
          message: { ...rest, attributes: Object.fromEntries(attributes) },
        }));
        const deliveries = parts.map(({ message: init, ...each }): Delivery => ({
          ...each,
          bytes: toBinary(PubsubMessageSchema, create(PubsubMessageSchema, init)),
        }));
        const receivedMessages = parts.map(
          ({ message: init, messageId, publishTimeMs, ...each }) => ({
            ...each,
            message: {
              ...init,
              data: Buffer.from(init.data),
              messageId,
              publishTime: timestampFromMs(publishTimeMs),
            },
          }),
        );
        const value = { sequence: BigInt(sequence), receivedMessages };
        const wanted = create(ServerFrameSchema, {
          id: BigInt(stream),
          frame: { case: 'deliver', value },
        });
        const written = serverMessage(codec, codec.deliver(stream, sequence, deliveries));
        expect(toJsonString(ServerFrameSchema, written)).toBe(
          toJsonString(ServerFrameSchema, wanted),
        );
      }),
    );
  });

  test('attributes that take far more than a message mostly does are whole', () => {
    const value = '\u0001☃'.repeat(250);
    const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, value]));
    const bytes = toBinary(PubsubMessageSchema, create(PubsubMessageSchema, { attributes }));
    const delivery = { ackId: 'a', messageId: '1', publishTimeMs: 0, deliveryAttempt: 0, bytes };
    const { frame } = serverMessage(codec, codec.deliver(1, 1, [delivery, delivery]));
    const received = frame.case === 'deliver' ? frame.value.receivedMessages : [];
    expect(received.map(({ message: each }) => each?.attributes)).toEqual([attributes, attributes]);
  });

  test('an error carries code, name, reason, text and details', () => {
    const error = new RpcError('RESOURCE_EXHAUSTED', 'TOO_MANY', 'So "much"\nü', {
      details: [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.500s' },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'a.b', description: 'bad' }],
        },
      ],
    });
    const wire = toWireError(error, 'pubsub.googleapis.com');
    const value = {
      code: statusTable.RESOURCE_EXHAUSTED.number,
      status: 'RESOURCE_EXHAUSTED',
      reason: 'TOO_MANY',
      message: 'So "much"\nü',
      details: wire.details.map(packDetail),
    };
    const wanted = create(ServerFrameSchema, { id: 7n, frame: { case: 'error', value } });
    expect(serverMessage(codec, codec.error(7, wire))).toEqual(wanted);
    expect(wire.details).toHaveLength(3);
  });

  test('a frame that is cut off or has a bit turned is a frame, a refusal or INVALID_ARGUMENT', () => {
    fc.assert(
      fc.property(id, examples, fc.boolean(), (each, { frame }, isSnakeCase) => {
        const whole = clientBytes(codec, { id: BigInt(each), frame }, isSnakeCase);
        for (let length = 0; length < whole.length; length++) {
          expectOrderly(codec, whole.subarray(0, length));
        }
        for (let bit = 0; bit < whole.length * 8; bit++) {
          const turned = Buffer.from(whole);
          turned[bit >> 3]! ^= 1 << (bit & 7);
          expectOrderly(codec, turned);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('any bytes are a frame, a refusal or INVALID_ARGUMENT', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((json) => Buffer.from(json)),
    );
    fc.assert(
      fc.property(bytes, (each) => expectOrderly(codec, Buffer.from(each))),
      { numRuns: 2_000 },
    );
  });
});

function expectOrderly(codec: FrameCodec, bytes: Buffer): void {
  let error: unknown;
  try {
    const frame = codec.decode(bytes);
    if (frame.kind !== 'refused') return;
    expect(frame.id).toBeGreaterThan(0);
    error = frame.error;
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(RpcError);
  expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
}

describe('both forms refuse alike', () => {
  const argument = (what: string): string =>
    `You have passed an invalid argument to the service (argument=${what}).`;
  const over = (field: string, value: number, max: number): string =>
    `The value for ${field} is too large. You passed ${value} in the request, but the maximum value is ${max}.`;
  const under = (field: string, value: number, min: number): string =>
    `The value for ${field} is too small. You passed ${value} in the request, but the minimum value is ${min}.`;
  const data = Buffer.from('x');
  const huge = Buffer.alloc(limits.requestBytesMax);
  const many = (count: number): string[] => Array.from({ length: count }, () => 'a');
  const publishOf = (messages: object[]): Init['frame'] => ({
    case: 'publish',
    value: { topic: 't', messages },
  });
  const acknowledge = (stream: bigint, ids: string[]): Init['frame'] => ({
    case: 'acknowledge',
    value: { stream, ackIds: ids },
  });
  const deadlineOf = (seconds: number): Init['frame'] => ({
    case: 'modifyAckDeadline',
    value: { stream: 1n, ackIds: ['a'], ackDeadlineSeconds: seconds },
  });
  const subscribeOf = (value: object): Init['frame'] => ({ case: 'subscribe', value });
  const topic = { source: { case: 'topic', value: 't' } };
  const unsafe = 2n ** 53n;

  test.each<[string, Init['frame'], string]>([
    ['no message', publishOf([]), under('message_count', 0, 1)],
    ['too many', publishOf(many(1_001).map(() => ({ data }))), over('message_count', 1_001, 1_000)],
    [
      'too many attributes',
      publishOf([{ attributes: Object.fromEntries(many(101).map((a, i) => [a + i, ''])) }]),
      over('attribute_count', 101, 100),
    ],
    ['no ack id', acknowledge(1n, []), under('ack_id_count', 0, 1)],
    ['3,001 ack ids', acknowledge(1n, many(3_001)), over('ack_id_count', 3_001, 3_000)],
    [
      'a stream beyond 2^53',
      acknowledge(unsafe, ['a']),
      argument('acknowledge.stream: must be between 0 and 9007199254740991'),
    ],
    [
      'a deadline of 601 s',
      deadlineOf(601),
      'Invalid ack deadline given (ack_deadline=601). The ack deadline must be between 0 and 600 seconds.',
    ],
    [
      'a negative deadline',
      deadlineOf(-1),
      'Invalid ack deadline given (ack_deadline=-1). The ack deadline must be between 0 and 600 seconds.',
    ],
    [
      'neither topic nor subscription',
      subscribeOf({}),
      argument('subscribe: either subscription or topic must be set'),
    ],
    [
      'a stream deadline of 9 s',
      subscribeOf({ ...topic, ackDeadlineSeconds: 9 }),
      'Invalid ack deadline given (ack_deadline=9). The ack deadline must be between 10 and 600 seconds.',
    ],
    [
      'a negative window',
      subscribeOf({ ...topic, maxOutstandingBytes: -1n }),
      under('max_outstanding_bytes', -1, 0),
    ],
    [
      'a stream to close beyond 2^53',
      { case: 'unsubscribe', value: { stream: unsafe } },
      argument('unsubscribe.stream: must be between 0 and 9007199254740991'),
    ],
    [
      'nothing',
      { case: undefined },
      argument(
        'frame: one of hello, publish, subscribe, unsubscribe, acknowledge, modify_ack_deadline, ping',
      ),
    ],
  ])('%s', (_, frame, text) => {
    for (const codec of codecs) {
      const refused = codec.decode(clientBytes(codec, { id: 9n, frame: frame! }));
      expect(refused).toMatchObject({ kind: 'refused', id: 9, error: { message: text } });
      // Without an id there is nobody to tell.
      const anonymous = clientBytes(codec, { frame: frame! });
      expect(() => codec.decode(anonymous)).toThrow(RpcError);
    }
  });

  test('a request of more than 10,000,000 bytes in protobuf', () => {
    for (const codec of codecs) {
      const frame = codec.decode(
        clientBytes(codec, { id: 1n, frame: publishOf([{ data: huge }])! }),
      );
      expect(frame).toMatchObject({
        kind: 'refused',
        error: { message: expect.stringMatching(/^The value for request_size is too large\./) },
      });
    }
  });

  test.each<[string, Init, string]>([
    ['a publish', { frame: publishOf([{ data }])! }, argument('id: publish needs one')],
    ['a subscribe', { frame: subscribeOf(topic)! }, argument('id: subscribe needs one')],
    [
      'an unsubscribe',
      { frame: { case: 'unsubscribe', value: { stream: 1n } } },
      argument('id: unsubscribe needs one'),
    ],
    [
      'an id beyond 2^53',
      { id: unsafe, frame: { case: 'ping', value: {} } },
      argument('id: must be between 0 and 9007199254740991'),
    ],
    [
      'a position beyond 2^53',
      { id: 1n, frame: { case: 'hello', value: { streams: [{ stream: 1n, sequence: unsafe }] } } },
      argument('hello.streams.sequence: must be between 0 and 9007199254740991'),
    ],
  ])('%s without an id that can be answered ends the session', (_, init, text) => {
    for (const codec of codecs) {
      expect(() => codec.decode(clientBytes(codec, init))).toThrow(text);
    }
  });

  test('acknowledge, modify_ack_deadline, ping and hello go without id', () => {
    const frames = [acknowledge(1n, ['a']), deadlineOf(0), { case: 'ping', value: {} } as const];
    for (const codec of codecs) {
      for (const frame of [...frames, { case: 'hello', value: {} } as const]) {
        expect(codec.decode(clientBytes(codec, { frame: frame! }))).toMatchObject({ id: 0 });
      }
    }
  });
});
