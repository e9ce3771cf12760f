import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeMessage, sealableMessage, type MessageParts } from '../wire/index.ts';
import { deadLetterCopy } from './dead-letter-copy.ts';

const origin = {
  failures: 5,
  subscription: 'projects/kitchen-project/subscriptions/kitchen',
  publishTimeMs: Date.UTC(2022, 7, 12, 15, 56, 29, 732),
};

const added: [string, string][] = [
  ['CloudPubSubDeadLetterSourceDeliveryCount', '5'],
  ['CloudPubSubDeadLetterSourceSubscription', 'kitchen'],
  ['CloudPubSubDeadLetterSourceSubscriptionProject', 'kitchen-project'],
  ['CloudPubSubDeadLetterSourceTopicPublishTime', '2022-08-12T15:56:29.732+00:00'],
];

function copied(parts: Partial<MessageParts>): MessageParts {
  const whole = { data: Buffer.from('soup'), attributes: [], orderingKey: '', ...parts };
  return decodeMessage(deadLetterCopy(sealableMessage(whole).bytes, origin).bytes);
}

test('the copy has the data, the attributes and the ordering key, and says where it comes from', () => {
  const copy = copied({ attributes: [['table', '7']], orderingKey: 'küche' });
  expect(Buffer.from(copy.data).toString()).toBe('soup');
  expect(copy.attributes).toEqual([['table', '7'], ...added]);
  expect(copy.orderingKey).toBe('küche');
});

test('attributes of an earlier journey are replaced, and stand in the copy once', () => {
  const earlier: [string, string][] = [
    ['CloudPubSubDeadLetterSourceSubscription', 'elsewhere'],
    ['table', '7'],
    ['CloudPubSubDeadLetterSourceDeliveryCount', '99'],
  ];
  const { bytes } = sealableMessage({
    data: Buffer.from('x'),
    attributes: earlier,
    orderingKey: '',
  });
  const copy = deadLetterCopy(bytes, origin).bytes;
  expect(decodeMessage(copy).attributes).toEqual([['table', '7'], ...added]);
  const text = Buffer.from(copy).toString('latin1');
  expect(text.split('CloudPubSubDeadLetterSourceDeliveryCount')).toHaveLength(2);
  expect(text).not.toContain('elsewhere');
});

test('a message with all the attributes that a publish may have goes through with more', () => {
  const attributes = Array.from({ length: 100 }, (_, n): [string, string] => [`k${n}`, 'v']);
  expect(copied({ attributes }).attributes).toHaveLength(104);
});

test('the ordering key of a message is told as its bytes, one to a character', () => {
  const parts = { data: Buffer.from('x'), attributes: [], orderingKey: 'küche' };
  const message = sealableMessage(parts);
  expect(deadLetterCopy(message.bytes, origin).orderingKey).toBe(message.orderingKey);
  const unordered = sealableMessage({ ...parts, orderingKey: '' });
  expect(deadLetterCopy(unordered.bytes, origin).orderingKey).toBe('');
});

test('a copy of a copy differs in nothing but its origin, for any message', () => {
  const key = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.startsWith('goog')),
    fc.constantFrom(...added.map(([name]) => name)),
  );
  const entries = fc.uniqueArray(fc.tuple(key, fc.string({ maxLength: 50 })), {
    selector: ([name]) => name,
    maxLength: 10,
  });
  const messages = fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    attributes: entries,
    orderingKey: fc.string({ maxLength: 20 }),
  });
  fc.assert(
    fc.property(messages, (parts) => {
      const names = new Set(added.map(([name]) => name));
      const own = parts.attributes.filter(([name]) => !names.has(name));
      const once = deadLetterCopy(sealableMessage(parts).bytes, origin).bytes;
      const twice = decodeMessage(deadLetterCopy(once, { ...origin, failures: 6 }).bytes);
      expect(Buffer.from(twice.data)).toEqual(Buffer.from(parts.data));
      expect(twice.orderingKey).toBe(parts.orderingKey);
      const [[countName]] = added as [[string, string]];
      expect(twice.attributes).toEqual([...own, [countName, '6'], ...added.slice(1)]);
    }),
  );
});
