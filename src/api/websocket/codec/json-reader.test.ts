import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeMessage } from '../../../broker/index.ts';
import { RpcError } from '../../../rpc/index.ts';
import type { ClientFrame } from '../frames.ts';
import { readJsonFrame } from './json-reader.ts';
import { scanFrame } from './json-scan.ts';

const read = (json: string): ClientFrame => readJsonFrame(Buffer.from(json));
const plain = fc.string({ maxLength: 12 }).filter((each) => !/["\\]/.test(each));
const odd = fc.constantFrom<unknown>(null, 1, true, 'a"b', {}, [], '7', 1.5, -1);
const mostly = (common: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 29, arbitrary: common }, { weight: 1, arbitrary: odd });
const messages = fc.array(
  fc.record(
    {
      data: mostly(fc.base64String({ minLength: 4 })),
      attributes: mostly(fc.dictionary(fc.oneof(plain, fc.constant('__proto__')), plain)),
      orderingKey: mostly(plain),
    },
    { requiredKeys: [] },
  ),
  { minLength: 1, maxLength: 3 },
);
const requests = fc.oneof(
  fc.record({ publish: fc.record({ topic: mostly(plain), messages: mostly(messages) }) }),
  fc.record({
    acknowledge: fc.record({
      stream: mostly(fc.nat()),
      ackIds: mostly(fc.array(plain, { minLength: 1, maxLength: 3 })),
    }),
  }),
  fc.record({
    modifyAckDeadline: fc.record({
      stream: mostly(fc.nat()),
      ackIds: mostly(fc.array(plain, { minLength: 1, maxLength: 3 })),
      ackDeadlineSeconds: mostly(fc.integer({ min: 0, max: 700 })),
    }),
  }),
);

/** With messages in parts and errors as texts. */
function comparable(frame: ClientFrame): unknown {
  if (frame.kind === 'refused') return { ...frame, error: (frame.error as RpcError).message };
  if (frame.kind !== 'publish') return frame;
  const parts = frame.messages.map(({ bytes, orderingKey }) => {
    const { data, attributes } = decodeMessage(bytes);
    return { data: Buffer.from(data), attributes: new Map(attributes), orderingKey };
  });
  return { ...frame, messages: parts };
}

test('what the scanner takes, the parser takes too, and it means the same', () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 127 }) });
  let scannedCount = 0;
  fc.assert(
    fc.property(
      fc.nat(),
      requests,
      fc.constantFrom(0, 1),
      fc.option(mutation, { freq: 2 }),
      (id, request, indent, change) => {
        const body = Buffer.from(JSON.stringify({ id, ...request }, null, indent));
        if (change !== null) body[change.at % body.length] = change.byte;
        const scanned = scannedOrNot(body);
        if (scanned === undefined) return;
        scannedCount++;
        // A name with an escape in it is the parser's, and the frame stays what it was.
        const escaped = body.toString().replace(/"(i)d"/, String.raw`"\u0069d"`);
        const parsed = scanned instanceof RpcError ? thrownBy(escaped) : read(escaped);
        expect(parsed instanceof RpcError ? parsed.message : comparable(parsed)).toEqual(
          scanned instanceof RpcError ? scanned.message : comparable(scanned),
        );
      },
    ),
    { numRuns: 2_000 },
  );
  expect(scannedCount).toBeGreaterThan(500);
});

function scannedOrNot(body: Buffer): ClientFrame | RpcError | undefined {
  try {
    return scanFrame(body);
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    return error as RpcError;
  }
}

function thrownBy(json: string): RpcError | ClientFrame {
  try {
    return read(json);
  } catch (error) {
    return error as RpcError;
  }
}

const payload = (what: string): string => `Invalid JSON payload received. ${what}`;

test.each([
  ['{', payload('Unexpected end of string. Expected a value.')],
  ['[]', payload('Unknown name "": Root element must be a message.')],
  ['{"id":01,"acknowledge":{"stream":1,"ackIds":["a"]}}', payload('Unexpected token.')],
  [
    '{"id":9007199254740993,"acknowledge":{"stream":1,"ackIds":["a"]}}',
    'id: must be between 0 and 9007199254740991',
  ],
  ['{"id":1.5,"ping":{}}', "Invalid value at 'id' (TYPE_UINT64), 1.5"],
  ['{"id":"x","ping":{}}', `Invalid value at 'id' (TYPE_UINT64), "x"`],
  ['{"id":-1,"ping":{}}', "Invalid value at 'id' (TYPE_UINT64), -1"],
  [
    '{"hello":{"sessionID":""}}',
    payload(`Unknown name "sessionID" at 'hello': Cannot find field.`),
  ],
  ['{"hello":{},"more":1}', payload('Unknown name "more": Cannot find field.')],
])('%s ends the session', (json, message) => {
  expect(() => read(json)).toThrow(message);
});

test('text that is not UTF-8 ends the session', () => {
  const bytes = Buffer.from('{"id":1,"publish":{"topic":"\u00e9"}}', 'latin1');
  expect(() => readJsonFrame(bytes)).toThrow('Encountered non UTF-8 code points.');
});

test.each([
  ['{"id":7,"pink":{}}', payload('Unknown name "pink": Cannot find field.')],
  ['{"id":7,"ping":{},"pink":1}', payload('Unknown name "pink": Cannot find field.')],
  ['{"id":7,"ping":{"x":1}}', payload(`Unknown name "x" at 'ping': Cannot find field.`)],
  [
    '{"id":7,"ping":[]}',
    payload('Unknown name "ping": Proto field is not repeating, cannot start list.'),
  ],
  [
    '{"id":7,"publish":{"topic":"t","messages":[{"data":"QQ==","body":1}]}}',
    payload(`Unknown name "body" at 'publish.messages[0]': Cannot find field.`),
  ],
  [
    '{"id":7,"publish":{"topic":"t","messages":[{"data":"Q"}]}}',
    `Invalid value at 'publish.messages[0].data' (TYPE_BYTES), Base64 decoding failed for "Q"`,
  ],
  [
    '{"id":7,"publish":{"topics":"t"}}',
    payload(`Unknown name "topics" at 'publish': Cannot find field.`),
  ],
  [
    '{"id":7,"publish":5}',
    `Invalid value at 'publish' (type.googleapis.com/google.pubsub.v1.PublishRequest), 5`,
  ],
  [
    '{"id":7,"acknowledge":{"stream":-1,"ackIds":["a"]}}',
    "Invalid value at 'acknowledge.stream' (TYPE_UINT64), -1",
  ],
  [
    '{"id":7,"acknowledge":{"stream":1,"ackIds":["a",2]}}',
    "Invalid value at 'acknowledge.ack_ids[1]' (TYPE_STRING), 2",
  ],
  [
    '{"id":7,"subscribe":{"topic":"t","subscription":"s"}}',
    "Invalid value at 'subscribe' (oneof), oneof field 'source' is already set. Cannot set 'subscription'",
  ],
  [
    `{"id":7,"ping":${'['.repeat(101)}${']'.repeat(101)}}`,
    "Message too deep. Max recursion depth reached for key 'ping'",
  ],
])('%s is refused by its id', (json, message) => {
  expect(read(json)).toMatchObject({ kind: 'refused', id: 7, error: { message } });
});

test('two members are one too many, and a null is none', () => {
  const refused = {
    kind: 'refused',
    id: 1,
    error: { message: expect.stringContaining('only one') },
  };
  expect(read('{"id":1,"ping":{},"hello":{}}')).toMatchObject(refused);
  expect(read('{"id":1,"publish":{"topic":"t"},"acknowledge":{}}')).toMatchObject(refused);
  expect(read('{"id":1,"ping":{},"hello":null}')).toEqual({ kind: 'ping', id: 1 });
});

test('of a name that comes twice, the later counts', () => {
  const acknowledge = '"acknowledge":{"stream":1,"stream":2,"ackIds":["b"],"ackIds":["a"]}';
  const settled = { kind: 'settle', id: 4, stream: 2, ackIds: ['a'], deadlineSeconds: null };
  expect(read(`{"id":3,${acknowledge},"id":4}`)).toEqual(settled);
  expect(read(`{"id":3,${acknowledge},"\\u0069d":4}`)).toEqual(settled);
});

test('numbers come as strings too, bytes in either base64', () => {
  const settled = { kind: 'settle', id: 12, stream: 3, ackIds: ['a'], deadlineSeconds: 9 };
  expect(
    read(
      '{"id":"12","modify_ack_deadline":{"stream":"3","ack_ids":["a"],"ackDeadlineSeconds":"9"}}',
    ),
  ).toEqual(settled);
  for (const data of ['-_-_', '+/+/']) {
    const frame = read(`{"id":1,"publish":{"messages":[{"data":"${data}"}]}}`);
    expect(comparable(frame)).toMatchObject({
      messages: [{ data: Buffer.from('-_-_', 'base64') }],
    });
  }
});
