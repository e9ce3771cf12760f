import { describe, expect, test } from 'vitest';
import { kdfTests } from './wycheproof.ts';
import { crc32c, hkdfSha256, keyedHash } from '../../src/crypto/index.ts';
import { portableKeyedHashInto } from '../../src/crypto/keyed-hash.ts';
import { hex, toHex } from '../support/hex.ts';

const counting = (from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => from + i);

/** RFC 5869 appendix A.1, A.2, A.3. */
const rfc5869 = [
  {
    secret: new Uint8Array(22).fill(0x0b),
    salt: counting(0, 13),
    info: counting(0xf0, 10),
    out: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    secret: counting(0, 80),
    salt: counting(0x60, 80),
    info: counting(0xb0, 80),
    out:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
      'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    secret: new Uint8Array(22).fill(0x0b),
    salt: new Uint8Array(0),
    info: new Uint8Array(0),
    out: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
];

describe('HKDF-SHA256', () => {
  test.each(rfc5869)('gives the answers of RFC 5869 appendix A', ({ secret, salt, info, out }) => {
    expect(toHex(hkdfSha256(secret, salt, info, out.length / 2))).toBe(out);
  });

  test('accepts and refuses as Wycheproof says', () => {
    const tests = kdfTests('wycheproof-hkdf-sha256.json');
    expect(tests.length).toBeGreaterThan(70);
    for (const { tcId, ikm, salt, info, size, okm, result } of tests) {
      const derive = (): string => toHex(hkdfSha256(hex(ikm), hex(salt), hex(info), size));
      if (result === 'valid') expect(derive(), `tcId ${tcId}`).toBe(okm);
      else expect(derive, `tcId ${tcId}`).toThrow();
    }
  });
});

/** The BLAKE2 reference's blake2b-kat.txt: key 00 01 … 3f, input the first n bytes of 00 01 …. */
const blake2bKat = [
  '10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568',
  '961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd',
  'da2cfbe2d8409a0f38026113884f84b50156371ae304c4430173d08a99d9fb1b983164a3770706d537f49e0c916d9f32b95cc37a95b99d857436f0232c88a965',
];

test.each(blake2bKat.map((out, length) => ({ out, length })))(
  'keyed BLAKE2b gives the reference answer for $length bytes, native and portable',
  ({ out, length }) => {
    const portable = new Uint8Array(64);
    portableKeyedHashInto(counting(0, 64), counting(0, length), portable);
    expect(toHex(portable)).toBe(out);
    expect(toHex(keyedHash(counting(0, 64), counting(0, length), 64))).toBe(out);
  },
);

/** RFC 3720 appendix B.4, read as the number whose bytes it prints lowest first. */
test.each([
  { name: '32 zeroes', bytes: new Uint8Array(32), crc: 0x8a9136aa },
  { name: '32 ones', bytes: new Uint8Array(32).fill(0xff), crc: 0x62a8ab43 },
  { name: '32 incrementing', bytes: counting(0, 32), crc: 0x46dd794e },
  { name: '32 decrementing', bytes: counting(0, 32).toReversed(), crc: 0x113fdb5c },
  {
    name: 'the check string 123456789',
    bytes: new Uint8Array(Buffer.from('123456789')),
    crc: 0xe3069283,
  },
])('CRC-32C of $name is as RFC 3720 B.4 says', ({ bytes, crc }) => {
  expect(crc32c(bytes)).toBe(crc);
});
