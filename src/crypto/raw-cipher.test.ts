import { describe, expect, test } from 'vitest';
import { hex, toHex } from '../../test/support/hex.ts';
import { hmac, type RawInput, rawDecrypt, rawEncrypt, type RawMode } from './raw-cipher.ts';

interface Answer {
  readonly source: string;
  readonly mode: RawMode;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly ciphertext: string;
}

const nistKey128 = '2b7e151628aed2a6abf7158809cf4f3c';
const nistKey256 = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
const nistPlaintext = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51';
const cbcIv = '000102030405060708090a0b0c0d0e0f';
const ctrIv = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const gcmIv = 'cafebabefacedbaddecaf888';
const gcmAad = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const gcmPlaintext =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';

const answers: readonly Answer[] = [
  {
    source: 'SP 800-38A F.2.1',
    mode: 'CBC',
    key: nistKey128,
    iv: cbcIv,
    aad: '',
    plaintext: nistPlaintext,
    ciphertext: '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2',
  },
  {
    source: 'SP 800-38A F.2.5',
    mode: 'CBC',
    key: nistKey256,
    iv: cbcIv,
    aad: '',
    plaintext: nistPlaintext,
    ciphertext: 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d',
  },
  {
    source: 'SP 800-38A F.5.1',
    mode: 'CTR',
    key: nistKey128,
    iv: ctrIv,
    aad: '',
    plaintext: nistPlaintext,
    ciphertext: '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff',
  },
  {
    source: 'SP 800-38A F.5.5',
    mode: 'CTR',
    key: nistKey256,
    iv: ctrIv,
    aad: '',
    plaintext: nistPlaintext,
    ciphertext: '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5',
  },
  {
    source: 'GCM specification, test case 4',
    mode: 'GCM',
    key: 'feffe9928665731c6d6a8f9467308308',
    iv: gcmIv,
    aad: gcmAad,
    plaintext: gcmPlaintext,
    ciphertext:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091' +
      '5bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    source: 'GCM specification, test case 16',
    mode: 'GCM',
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    iv: gcmIv,
    aad: gcmAad,
    plaintext: gcmPlaintext,
    ciphertext:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  },
];

function inputOf({ mode, key, iv, aad }: Answer): RawInput {
  return { mode, key: hex(key), iv: hex(iv), associatedData: hex(aad), tagBytes: 16 };
}

describe('raw ciphers', () => {
  test.each(answers)('$mode gives the known answer of $source', (answer) => {
    const ciphertext = rawEncrypt(inputOf(answer), hex(answer.plaintext));
    expect(toHex(ciphertext)).toBe(answer.ciphertext);
    expect(toHex(rawDecrypt(inputOf(answer), ciphertext)!)).toBe(answer.plaintext);
  });

  test.each(answers.filter(({ mode }) => mode === 'GCM'))(
    '$source: one bit opens nothing',
    (gcm) => {
      const ciphertext = hex(gcm.ciphertext);
      for (let bit = 0; bit < ciphertext.length * 8; bit++) {
        const changed = ciphertext.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(rawDecrypt(inputOf(gcm), changed)).toBeNull();
      }
      const otherAad = { ...inputOf(gcm), associatedData: new Uint8Array(1) };
      expect(rawDecrypt(otherAad, ciphertext)).toBeNull();
      expect(rawDecrypt(inputOf(gcm), ciphertext.subarray(0, 15))).toBeNull();
    },
  );

  test('a tag of 12 bytes opens as that, and not as one of 16', () => {
    const gcm = answers.at(-1)!;
    const short = { ...inputOf(gcm), tagBytes: 12 };
    const ciphertext = rawEncrypt(short, hex(gcm.plaintext));
    expect(toHex(ciphertext)).toBe(gcm.ciphertext.slice(0, -8));
    expect(toHex(rawDecrypt(short, ciphertext)!)).toBe(gcm.plaintext);
    expect(rawDecrypt(inputOf(gcm), ciphertext)).toBeNull();
  });

  test('CBC opens whole blocks alone', () => {
    const cbc = answers[0]!;
    expect(rawDecrypt(inputOf(cbc), hex(cbc.ciphertext).subarray(0, 17))).toBeNull();
    expect(rawDecrypt(inputOf(cbc), new Uint8Array(0))).toHaveLength(0);
  });
});

describe('HMAC', () => {
  const data = new TextEncoder().encode('what do ya want for nothing?');
  const key = new TextEncoder().encode('Jefe');

  test.each([
    ['sha1', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    ['sha224', 'a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44'],
    ['sha256', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [
      'sha384',
      'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e' +
        '8e2240ca5e69e2c78b3239ecfab21649',
    ],
    [
      'sha512',
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
        '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    ],
  ] as const)('%s gives the known answer of RFC 2202 and RFC 4231, case 2', (hash, answer) => {
    expect(toHex(hmac(hash, key, data))).toBe(answer);
  });
});
