import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeBase64, encodeBase64 } from './base64-bytes.ts';

const utf8 = new TextEncoder();
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('base64 from bytes to bytes', () => {
  test('encodes as Node does, and decodes what it encoded, in either alphabet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const node = Buffer.from(bytes);
        expect(textOf(encodeBase64(bytes))).toBe(node.toString('base64'));
        for (const text of [node.toString('base64'), node.toString('base64url')]) {
          expect(decodeBase64(utf8.encode(text))).toEqual(bytes);
        }
      }),
    );
  });

  test.each([
    'A',
    '=',
    'AA=',
    'AAA==',
    'AA===',
    'AAAA=',
    '=AAA',
    'A A=',
    'AA==AAAA',
    'AÄ==',
    '*AAA',
  ])('refuses %j', (text) => {
    expect(decodeBase64(utf8.encode(text))).toBeNull();
  });

  test('refuses a second spelling of the same bytes', () => {
    expect(decodeBase64(utf8.encode('AA=='))).toEqual(new Uint8Array(1));
    expect(decodeBase64(utf8.encode('AB=='))).toBeNull();
    expect(decodeBase64(utf8.encode('AAB='))).toBeNull();
  });
});
