import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeMessage, sealableMessage } from './message-codec.ts';
import { parsePublishRequest } from './publish-request.ts';

const none = new Uint8Array(0);

test('parts that were given are parts that come back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 50 });
  const key = text.filter((each) => each !== '' && !each.startsWith('goog'));
  const attributes = fc.uniqueArray(fc.tuple(key, text), { maxLength: 6, selector: ([k]) => k });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), attributes, text, (data, given, orderingKey) => {
      const sealed = sealableMessage({ data, attributes: given, orderingKey });
      const parts = decodeMessage(sealed.bytes);
      expect(Buffer.from(parts.data)).toEqual(Buffer.from(data));
      expect(parts.attributes).toEqual(given);
      expect(parts.orderingKey).toBe(orderingKey);
      expect(Buffer.from(sealed.orderingKey, 'latin1').toString()).toBe(orderingKey);
    }),
  );
});

test('a message in parts and the same in wire form are sealed as the same bytes', () => {
  const data = Buffer.from('data');
  const parts = { data, attributes: [['k', 'v']] as const, orderingKey: 'order' };
  const { bytes, orderingKey } = sealableMessage(parts);
  const request = Buffer.concat([Buffer.from([0x12, bytes.length]), bytes]);
  const [wire] = parsePublishRequest(request).messages;
  expect(Buffer.from(wire!.bytes)).toEqual(Buffer.from(bytes));
  expect(wire!.orderingKey).toBe(orderingKey);
});

const tooLarge = (name: string, value: number, max: number): string =>
  `The value for ${name} is too large. You passed ${value} in the request, but the maximum value is ${max}.`;
const argument = (text: string): string =>
  `You have passed an invalid argument to the service (argument=${text}).`;
const many = (count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`k${i}`, '']);

test.each([
  ['nothing', [], '', argument('messages: must have non-empty data or at least one attribute')],
  ['101 attributes', many(101), '', tooLarge('attribute_count', 101, 100)],
  [
    'a key of 257 bytes',
    [['ä'.repeat(128) + 'a', '']],
    '',
    tooLarge('attribute_key_size', 257, 256),
  ],
  [
    'a value of 1,025 bytes',
    [['k', 'v'.repeat(1_025)]],
    '',
    tooLarge('attribute_value_size', 1_025, 1_024),
  ],
  [
    'an ordering key of 1,025 bytes',
    [['k', '']],
    'o'.repeat(1_025),
    tooLarge('ordering_key_size', 1_025, 1_024),
  ],
  ['an empty key', [['', 'v']], '', argument('messages.attributes: a key must not be empty')],
  [
    'a key of Google’s own',
    [['goog1', 'v']],
    '',
    argument('messages.attributes: a key must not start with "goog"'),
  ],
] as [string, [string, string][], string, string][])(
  '%s: refused',
  (_, attributes, orderingKey, message) => {
    expect(() => sealableMessage({ data: none, attributes, orderingKey })).toThrow(message);
  },
);

test('everything at its limit is taken', () => {
  const attributes = many(99);
  attributes.push(['k'.repeat(256), 'v'.repeat(1_024)]);
  const orderingKey = 'ö'.repeat(512);
  const { bytes } = sealableMessage({ data: none, attributes, orderingKey });
  expect(decodeMessage(bytes)).toMatchObject({ attributes, orderingKey });
});
