import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  PublishRequestSchema,
  PublishResponseSchema,
  PubsubMessageSchema,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import { decodeMessage } from './message-codec.ts';
import { encodePublishResponse, parsePublishRequest } from './publish-request.ts';

const utf8 = (text: string): Buffer => Buffer.from(text);

/** A length-delimited field; the tag and the length as varints of one or two bytes. */
function field(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const prefix = length < 0x80 ? [tag, length] : [tag, (length & 0x7f) | 0x80, length >>> 7];
  return Buffer.concat([Buffer.from(prefix), body]);
}

const attribute = (key: string, value: string): Buffer =>
  field(0x12, field(0x0a, utf8(key)), field(0x12, utf8(value)));

/** A request with this one message, given as its fields. */
const requestOf = (...fields: readonly Uint8Array[]): Buffer =>
  Buffer.concat([field(0x0a, utf8('projects/p/topics/t')), field(0x12, ...fields)]);

const parseOne = (...fields: readonly Uint8Array[]): { bytes: Uint8Array; orderingKey: string } =>
  parsePublishRequest(requestOf(...fields)).messages[0]!;

function refusal(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
    return (error as RpcError).message;
  }
  throw new Error('nothing was refused');
}

const argument = (text: string): string =>
  `You have passed an invalid argument to the service (argument=${text}).`;
const tooLarge = (name: string, value: number, max: number): string =>
  `The value for ${name} is too large. You passed ${value} in the request, but the maximum value is ${max}.`;

const data = field(0x0a, utf8('data'));

describe('what generated code writes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  const key = text.filter((each) => each !== '' && !each.startsWith('goog'));
  const message = fc.record({
    data: fc.uint8Array({ maxLength: 300 }),
    attributes: fc.dictionary(key, text, { maxKeys: 5 }),
    orderingKey: text,
    messageId: text,
    publishTime: fc.option(fc.record({ seconds: fc.bigInt(0n, 253402300799n), nanos: fc.nat(1) }), {
      nil: undefined,
    }),
  });

  test('is read back whole, but for what publishers must not set', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(message, { maxLength: 4 }), (topic, given) => {
        const messages = given.filter(
          (each) => each.data.length > 0 || Object.keys(each.attributes).length > 0,
        );
        const initial = {
          topic: topic.isWellFormed() ? topic : '',
          messages: messages.map(({ publishTime, ...rest }) => ({
            ...rest,
            ...(publishTime && { publishTime }),
          })),
        };
        const written = toBinary(PublishRequestSchema, create(PublishRequestSchema, initial));
        const parsed = parsePublishRequest(written);
        expect(parsed.topic).toBe(initial.topic);
        expect(parsed.messages).toHaveLength(messages.length);
        for (const [i, { bytes, orderingKey }] of parsed.messages.entries()) {
          const sent = messages[i]!;
          const oracle = fromBinary(PubsubMessageSchema, bytes);
          expect(Buffer.from(oracle.data)).toEqual(Buffer.from(sent.data));
          expect({ ...oracle.attributes }).toEqual({ ...sent.attributes });
          expect(oracle.orderingKey).toBe(sent.orderingKey);
          expect(oracle.messageId).toBe('');
          expect(oracle.publishTime).toBeUndefined();
          expect(Buffer.from(orderingKey, 'latin1').toString()).toBe(sent.orderingKey);
          const parts = decodeMessage(bytes);
          expect(Buffer.from(parts.data)).toEqual(Buffer.from(sent.data));
          expect(Object.fromEntries(parts.attributes)).toEqual({ ...sent.attributes });
          expect(parts.orderingKey).toBe(sent.orderingKey);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('bytes from anywhere', () => {
  const junk = (bytes: Uint8Array): void => {
    try {
      for (const { bytes: sealable } of parsePublishRequest(bytes).messages) {
        fromBinary(PubsubMessageSchema, sealable);
      }
    } catch (error) {
      expect((error as RpcError).code).toBe('INVALID_ARGUMENT');
    }
  };

  test('are refused or read, and what is read is a message to everybody', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => junk(bytes)),
      { numRuns: 3_000 },
    );
  });

  test('in the place of one message too', () => {
    const tag = fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x08, 0x0d, 0x00, 0xff);
    const piece = fc.tuple(tag, fc.uint8Array({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.boolean(), (pieces, isFramed) => {
        const fields = pieces.map(([first, bytes]) =>
          isFramed ? field(first & 0x7f, bytes) : Buffer.from([first, ...bytes]),
        );
        junk(requestOf(...fields));
      }),
      { numRuns: 3_000 },
    );
  });

  test('cut off anywhere are refused or shorter, and nothing beyond the view is read', () => {
    const whole = requestOf(data, attribute('key', 'value'), field(0x2a, utf8('order')));
    const around = Buffer.concat([Buffer.alloc(7, 0x0a), whole, Buffer.alloc(9, 0x12)]);
    for (let end = 0; end < whole.length; end++) {
      // The first 21 bytes are the topic: a request may end there.
      if (end === 0 || end === 21) continue;
      expect(refusal(() => parsePublishRequest(around.subarray(7, 7 + end)))).toMatch(
        /not a valid/,
      );
    }
    expect(parsePublishRequest(around.subarray(7, 7 + whole.length)).messages).toHaveLength(1);
  });
});

describe('a body that holds more than data, attributes and ordering key', () => {
  const plain = Buffer.concat([data, attribute('k', 'v'), field(0x2a, utf8('order'))]);

  test.each([
    ['message_id', field(0x1a, utf8('0815'))],
    ['publish_time', field(0x22, Buffer.from([0x08, 1, 0x10, 2]))],
    ['an unknown string', field(0x7a, utf8('x'.repeat(200)))],
    ['an unknown varint of 64 bits', Buffer.from([0x78, ...Array(9).fill(0xff), 0x01])],
    ['an unknown fixed64', Buffer.from([0x79, 1, 2, 3, 4, 5, 6, 7, 8])],
    ['an unknown fixed32', Buffer.from([0x7d, 1, 2, 3, 4])],
    ['a field number of 4 bytes', Buffer.from([0xfa, 0xff, 0xff, 0x7f, 1, 0])],
  ])('is sealed without %s, wherever that stands', (_, extra) => {
    for (const fields of [
      [extra, plain],
      [plain, extra],
      [data, extra, attribute('k', 'v'), field(0x2a, utf8('order'))],
    ]) {
      const { bytes, orderingKey } = parseOne(...fields);
      expect(Buffer.from(bytes)).toEqual(plain);
      expect(orderingKey).toBe('order');
    }
  });

  test('is sealed without unknown fields of an attribute', () => {
    const entry = field(
      0x12,
      field(0x0a, utf8('k')),
      field(0x1a, utf8('?')),
      field(0x12, utf8('v')),
    );
    expect(Buffer.from(parseOne(data, entry).bytes)).toEqual(
      Buffer.concat([data, attribute('k', 'v')]),
    );
  });

  test.each([
    ['data', [field(0x0a, utf8('first')), data], data],
    [
      'ordering key',
      [data, field(0x2a, utf8('a')), field(0x2a, utf8('b'))],
      field(0x2a, utf8('b')),
    ],
    ['attribute', [data, attribute('k', '1'), attribute('k', '2')], attribute('k', '2')],
    [
      'key of an attribute',
      [data, field(0x12, field(0x0a, utf8('j')), field(0x0a, utf8('k')), field(0x12, utf8('v')))],
      attribute('k', 'v'),
    ],
  ])('lets the last %s win, once', (_, fields, expected) => {
    const { bytes } = parseOne(...fields);
    const rest = fields.includes(data) && expected !== data ? [data] : [];
    expect(Buffer.from(bytes)).toEqual(Buffer.concat([...rest, expected]));
  });

  test('is a view of the request when there is nothing to take away', () => {
    const request = requestOf(plain);
    const [message] = parsePublishRequest(request).messages;
    expect(message!.bytes.buffer).toBe(request.buffer);
    expect(Buffer.from(message!.bytes)).toEqual(plain);
  });
});

test('__proto__ is an attribute like any other', () => {
  const { bytes } = parseOne(attribute('__proto__', 'x'), attribute('constructor', 'y'));
  expect(decodeMessage(bytes).attributes).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

describe('limits', () => {
  const many = (count: number): Buffer[] =>
    Array.from({ length: count }, (_, i) => attribute(`k${i}`, ''));

  test.each([
    ['100 attributes', many(100)],
    ['a key of 256 bytes', [attribute('k'.repeat(256), 'v')]],
    ['a key by which clients hand a trace on', [attribute('googclient_traceparent', 'v')]],
    ['a value of 1,024 bytes', [attribute('k', 'ä'.repeat(512))]],
    ['an ordering key of 1,024 bytes', [data, field(0x2a, utf8('o'.repeat(1_024)))]],
    ['attributes without data', [attribute('k', '')]],
    ['a key that begins with goo', [attribute('goo', 'v')]],
  ])('%s: taken', (_, fields) => {
    expect(Buffer.from(parseOne(...fields).bytes)).toEqual(Buffer.concat(fields));
  });

  const first = (rule: string): string => argument(`messages[0]${rule}`);
  test.each([
    ['101 attributes', many(101), tooLarge('attribute_count', 101, 100)],
    [
      'a key of 257 bytes',
      [attribute('k'.repeat(257), 'v')],
      tooLarge('attribute_key_size', 257, 256),
    ],
    [
      'a value of 1,025 bytes',
      [attribute('k', 'v'.repeat(1_025))],
      tooLarge('attribute_value_size', 1_025, 1_024),
    ],
    [
      'an ordering key of 1,025 bytes',
      [data, field(0x2a, utf8('o'.repeat(1_025)))],
      tooLarge('ordering_key_size', 1_025, 1_024),
    ],
    ['an empty key', [attribute('', 'v')], first('.attributes: a key must not be empty')],
    ['an attribute without a key', [field(0x12)], first('.attributes: a key must not be empty')],
    [
      'a key of Google’s own',
      [attribute('googclient', 'v')],
      first('.attributes: a key must not start with "goog"'),
    ],
    [
      'an empty message',
      [field(0x2a, utf8('o'))],
      first(': must have non-empty data or at least one attribute'),
    ],
    [
      'an ordering key that is not UTF-8',
      [data, field(0x2a, Buffer.from([0xc3, 0x28]))],
      first('.ordering_key: not valid UTF-8'),
    ],
    [
      'a value with a lone surrogate',
      [field(0x12, field(0x0a, utf8('k')), field(0x12, Buffer.from([0xed, 0xa0, 0x80])))],
      first('.attributes: not valid UTF-8'),
    ],
    [
      'data of the wrong wire type',
      [Buffer.from([0x08, 1])],
      first(': not a valid serialised PubsubMessage'),
    ],
    ['field 0', [data, Buffer.from([0x02, 0])], first(': not a valid serialised PubsubMessage')],
    ['a group', [data, Buffer.from([0x7b, 0x7c])], first(': not a valid serialised PubsubMessage')],
    [
      'a length above 2^31',
      [Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x80, 0x08])],
      first(': not a valid serialised PubsubMessage'),
    ],
    [
      'a length above 2^53',
      [Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
      first(': not a valid serialised PubsubMessage'),
    ],
    [
      'a varint of 11 bytes',
      [Buffer.from([0x0a, ...Array(10).fill(0x80), 0x00])],
      first(': not a valid serialised PubsubMessage'),
    ],
  ])('%s: refused', (_, fields, message) => {
    expect(refusal(() => parseOne(...fields))).toBe(message);
  });

  test('the message that is refused is named by its index', () => {
    const request = Buffer.concat([field(0x12, data), field(0x12, field(0x0a))]);
    expect(refusal(() => parsePublishRequest(request))).toBe(
      argument('messages[1]: must have non-empty data or at least one attribute'),
    );
  });

  test('a request of 10,000,000 bytes is read, one more is refused', () => {
    const body = (bytes: number): Buffer => {
      const out = Buffer.alloc(bytes, 0x78);
      // Field 15 as bytes, up to the end: unknown, and passed over in one step.
      Buffer.from([0x7a, 0xfb, 0xac, 0xe2, 0x04]).copy(out);
      return out;
    };
    expect(parsePublishRequest(body(10_000_000)).messages).toEqual([]);
    expect(refusal(() => parsePublishRequest(Buffer.alloc(10_000_001)))).toBe(
      tooLarge('request_size', 10_000_001, 10_000_000),
    );
  });

  test('a topic that is not UTF-8 is refused', () => {
    expect(refusal(() => parsePublishRequest(field(0x0a, Buffer.from([0xff]))))).toBe(
      argument('topic: not valid UTF-8'),
    );
  });
});

test('an answer is what generated code reads', () => {
  for (const ids of [[], ['10000000000000000'], Array.from({ length: 1_000 }, (_, i) => `${i}`)]) {
    const { messageIds } = fromBinary(PublishResponseSchema, encodePublishResponse(ids));
    expect(messageIds).toEqual(ids);
  }
});
