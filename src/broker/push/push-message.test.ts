import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Delivery, PushConfig } from '../service.ts';
import { sealableMessage, type MessageParts } from '../wire/index.ts';
import { attributeHeaders } from './push-headers.ts';
import { bodyBytesMax, heldBytes, pushMessage } from './push-message.ts';

const subscription = 'projects/p/subscriptions/s';
const wrapped: PushConfig = { endpoint: 'https://example.com/', attributes: {} };
const raw: PushConfig = { ...wrapped, noWrapper: { writeMetadata: false } };
const withMetadata: PushConfig = { ...wrapped, noWrapper: { writeMetadata: true } };

function delivery(parts: Partial<MessageParts>, deliveryAttempt: number = 0): Delivery {
  const message = { data: new Uint8Array(0), attributes: [], orderingKey: '', ...parts };
  return {
    ackId: 'ack',
    messageId: '136969346945',
    publishTimeMs: Date.UTC(2014, 9, 2, 15, 1, 23, 45),
    deliveryAttempt,
    bytes: sealableMessage(message).bytes,
  };
}

const hi = Buffer.from('hi');
const text = (body: Uint8Array): string => Buffer.from(body).toString();

describe('wrapped', () => {
  test('the body is what production sends, byte for byte', () => {
    const sent = delivery({ data: hi, attributes: [['k', 'v']], orderingKey: 'key' }, 5);
    const { headers, body } = pushMessage(sent, subscription, wrapped);
    expect(text(body)).toBe(
      '{"message":{"attributes":{"k":"v"},"data":"aGk=","messageId":"136969346945","message_id":"136969346945","orderingKey":"key","publishTime":"2014-10-02T15:01:23.045Z","publish_time":"2014-10-02T15:01:23.045Z"},"subscription":"projects/p/subscriptions/s","deliveryAttempt":5}',
    );
    expect(headers).toEqual({ 'content-type': 'application/json', 'user-agent': 'Sealpost' });
  });

  test('what a message lacks is absent', () => {
    const { body } = pushMessage(delivery({ data: hi }), subscription, wrapped);
    expect(text(body)).toBe(
      '{"message":{"data":"aGk=","messageId":"136969346945","message_id":"136969346945","publishTime":"2014-10-02T15:01:23.045Z","publish_time":"2014-10-02T15:01:23.045Z"},"subscription":"projects/p/subscriptions/s"}',
    );
    const bare = pushMessage(delivery({ attributes: [['a', '']] }), subscription, wrapped);
    expect(JSON.parse(text(bare.body))).toMatchObject({ message: { attributes: { a: '' } } });
    expect(text(bare.body)).not.toContain('"data"');
  });

  test('any data, attributes and ordering key come back from the JSON', () => {
    const attributes = fc.dictionary(
      fc
        .string({ unit: 'binary', minLength: 1, maxLength: 60 })
        .filter((k) => !k.startsWith('goog')),
      fc.string({ unit: 'binary', maxLength: 200 }),
      { minKeys: 1, maxKeys: 10 },
    );
    const any = fc.tuple(fc.uint8Array({ maxLength: 3_000 }), attributes, fc.string());
    fc.assert(
      fc.property(any, ([data, entries, orderingKey]) => {
        const sent = delivery({ data, attributes: Object.entries(entries), orderingKey });
        const { body } = pushMessage(sent, subscription, wrapped);
        const { message } = JSON.parse(text(body)) as {
          message: { data?: string; attributes: object; orderingKey?: string };
        };
        expect(Buffer.from(message.data ?? '', 'base64')).toEqual(Buffer.from(data));
        expect(new Map(Object.entries(message.attributes))).toEqual(
          new Map(Object.entries(entries)),
        );
        expect(message.orderingKey ?? '').toBe(orderingKey);
        expect(body.length).toBeLessThanOrEqual(bodyBytesMax(sent.bytes.length, 1));
      }),
    );
  });
});

describe('unwrapped', () => {
  test('the body is the data, and nothing else is told', () => {
    const sent = delivery({ data: hi, attributes: [['content-type', 'text/plain']] });
    const { headers, body } = pushMessage(sent, subscription, raw);
    expect(text(body)).toBe('hi');
    expect(headers).toEqual({
      'content-type': 'application/octet-stream',
      'user-agent': 'Sealpost',
    });
  });

  test('the body is a copy: what was delivered is overwritten when its key dies', () => {
    const sent = delivery({ data: hi });
    const { body } = pushMessage(sent, subscription, raw);
    sent.bytes.fill(0);
    expect(text(body)).toBe('hi');
  });

  test('with metadata, ids, time, key and attributes are headers', () => {
    const attributes: [string, string][] = [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['X-Order', '17 b'],
    ];
    const sent = delivery({ data: hi, attributes, orderingKey: 'key' });
    const { headers, body } = pushMessage(sent, subscription, withMetadata);
    expect(text(body)).toBe('hi');
    expect(headers).toEqual({
      'content-type': 'text/plain; charset=utf-8',
      'user-agent': 'Sealpost',
      'x-order': '17 b',
      'x-goog-pubsub-subscription-name': subscription,
      'x-goog-pubsub-message-id': '136969346945',
      'x-goog-pubsub-publish-time': '2014-10-02T15:01:23.045Z',
      'x-goog-pubsub-ordering-key': 'key',
    });
  });

  test('an ordering key that is no header text is left out', () => {
    for (const orderingKey of ['a\r\nb', 'schlüssel', '\u0000']) {
      const sent = delivery({ data: hi, orderingKey });
      const { headers } = pushMessage(sent, subscription, withMetadata);
      expect(headers).not.toHaveProperty('x-goog-pubsub-ordering-key');
    }
  });
});

describe('trap: attributes in unwrapped push are headers or left out, and never inject one', () => {
  test.each([
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Authorization',
    'TE',
    'Upgrade',
    'Trailer',
    'Proxy-Authorization',
    'Expect',
    'Cookie',
    'Keep-Alive',
    'User-Agent',
    'Forwarded',
    'X-Forwarded-For',
    'X-Goog-Pubsub-Message-Id',
  ])('%s is not for a publisher to set', (name) => {
    expect(attributeHeaders([[name, 'x']])).toEqual(new Map());
  });

  test.each([
    ['x', 'a\r\nx-injected: 1'],
    ['x', 'a\nb'],
    ['x', 'a\u0000b'],
    ['x', 'a\tb'],
    ['x', 'grün'],
    ['x\r\nx-injected', '1'],
    ['x y', '1'],
    ['x:', '1'],
    [':path', '/'],
    ['größe', '1'],
    ['x(y)', '1'],
  ])('%j: %j is no header text', (name, value) => {
    expect(attributeHeaders([[name, value]])).toEqual(new Map());
  });

  test('of names that differ in case the first stays', () => {
    const attributes: [string, string][] = [
      ['X-A', '1'],
      ['x-a', '2'],
    ];
    expect([...attributeHeaders(attributes)]).toEqual([['x-a', '1']]);
  });

  test('a name that objects treat as their own is a header like any other', () => {
    const sent = delivery({ attributes: [['__proto__', 'x']] });
    const { headers } = pushMessage(sent, subscription, withMetadata);
    expect(Object.entries(headers)).toContainEqual(['__proto__', 'x']);
  });

  test('whatever a publisher sets, every name is a token and every value visible', () => {
    const part = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part)), (attributes) => {
        for (const [name, value] of attributeHeaders(attributes)) {
          expect(name).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/);
          expect(value).toMatch(/^[\x20-\x7e]*$/);
        }
      }),
    );
  });
});

test('the bound of a body holds for the largest and the most awkward message', () => {
  const attributes = Array.from({ length: 100 }, (_, n): [string, string] => [
    `${String(n).padStart(3, '0')}${'\u0001'.repeat(253)}`,
    '\u0001'.repeat(1_024),
  ]);
  const large = delivery({ data: new Uint8Array(9_800_000), attributes });
  for (const config of [wrapped, raw, withMetadata]) {
    const bytes = heldBytes(pushMessage(large, subscription, config));
    expect(bytes).toBeLessThanOrEqual(bodyBytesMax(large.bytes.length, 1));
  }
  expect(bodyBytesMax(10_000_000, 1)).toBeLessThanOrEqual(16 * 1024 * 1024);
});
