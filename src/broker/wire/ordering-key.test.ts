import { expect, test } from 'vitest';

import { sealableMessage } from './message-codec.ts';
import { orderingKeyOf } from './ordering-key.ts';

const utf8 = new TextDecoder();

test('The ordering key is found behind data and attributes', () => {
  const message = sealableMessage({
    data: new Uint8Array(300).fill(0x2a),
    attributes: [['kind', 'order']],
    orderingKey: 'müller-7',
  });
  expect(utf8.decode(orderingKeyOf(message.bytes))).toBe('müller-7');
});

test('A message without an ordering key has an empty one', () => {
  const message = sealableMessage({
    data: new Uint8Array([1]),
    attributes: [],
    orderingKey: '',
  });
  expect(orderingKeyOf(message.bytes)).toHaveLength(0);
});
