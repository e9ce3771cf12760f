import { expect, test } from 'vitest';

import { RpcError } from '../../../rpc/index.ts';
import { readProtoFrame } from './proto-reader.ts';

const read = (hex: string): unknown => readProtoFrame(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const argument = (what: string): string =>
  `You have passed an invalid argument to the service (argument=${what}).`;

test.each([
  ['', 'frame: one of hello, publish'],
  ['08', 'not a valid serialised ClientFrame'],
  ['0a 00', 'not a valid serialised ClientFrame'],
  ['08 01 42 05', 'not a valid serialised ClientFrame'],
  ['08 01 40 00', 'not a valid serialised ClientFrame'],
  ['00 00', 'not a valid serialised ClientFrame'],
  ['08 01 7b 00', 'not a valid serialised ClientFrame'],
  ['08 ff ff ff ff ff ff ff ff ff 01 42 00', 'id: must be between 0 and 9007199254740991'],
  ['08 01 12 03 0a 01 ff', 'not a valid serialised Hello'],
  ['12 02 0a 05', 'not a valid serialised Hello'],
])('the bytes %s end the session', (hex, what) => {
  expect(() => read(hex)).toThrow(RpcError);
  expect(() => read(hex)).toThrow(`argument=${what}`);
});

test.each([
  [
    '08 01',
    'frame: one of hello, publish, subscribe, unsubscribe, acknowledge, modify_ack_deadline, ping',
  ],
  ['08 01 42 00 2a 00', 'frame: only one may be set'],
  ['08 01 42 00 42 00', 'frame: only one may be set'],
  ['08 01 42 01 08', 'not a valid serialised Ping'],
  ['08 01 1a 03 0a 01 ff', 'topic: not valid UTF-8'],
  ['08 01 1a 02 0a 05', 'not a valid serialised PublishRequest'],
  ['08 01 1a 04 12 02 0a 05', 'messages[0]: not a valid serialised PubsubMessage'],
  ['08 01 1a 02 12 00', 'messages[0]: must have non-empty data or at least one attribute'],
  ['08 01 22 03 0a 01 ff', 'not a valid serialised Subscribe'],
  ['08 01 32 03 12 01 ff', 'not a valid serialised Acknowledge'],
  ['32 03 12 01 ff 08 01', 'not a valid serialised Acknowledge'],
])('the bytes %s are refused by their id', (hex, what) => {
  expect(read(hex)).toMatchObject({ kind: 'refused', id: 1, error: { message: argument(what) } });
});

test('unknown fields are passed over, wherever they stand', () => {
  const settled = { kind: 'settle', id: 1, stream: 2, ackIds: ['a'], deadlineSeconds: null };
  expect(read('08 01 32 05 08 02 12 01 61')).toEqual(settled);
  expect(read('d2 06 02 ff ff 08 01 32 08 08 02 98 06 07 12 01 61')).toEqual(settled);
  expect(read('08 01 42 03 98 06 07')).toEqual({ kind: 'ping', id: 1 });
  expect(read('08 01 22 06 12 01 74 98 06 07')).toMatchObject({ kind: 'subscribe', topic: 't' });
});

test('a character that replaces others is one like any other', () => {
  expect(read('08 01 32 07 08 02 12 03 ef bf bd')).toMatchObject({ ackIds: ['\ufffd'] });
});
