import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeBase64, encodeBase64 } from './base64-bytes.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test('encodes as everyone does, and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(new TextDecoder().decode(text)).toBe(Buffer.from(bytes).toString('base64'));
      expect(decodeBase64(text)).toEqual(bytes);
    }),
  );
});

/** RFC 4648 section 10. */
test.each([
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foobar', 'Zm9vYmFy'],
])('%j is %s', (plain, text) => {
  expect(encodeBase64(ascii(plain))).toEqual(ascii(text));
  expect(decodeBase64(ascii(text))).toEqual(ascii(plain));
});

test.each(['Z', 'Zg', 'Zg=', 'Zg===', 'Zh==', 'Zm9=', 'Z=m8', '====', 'Zm9v\n', 'Zm-v', 'Zm9\\'])(
  '%j is refused',
  (text) => {
    expect(decodeBase64(ascii(text))).toBeNull();
  },
);
