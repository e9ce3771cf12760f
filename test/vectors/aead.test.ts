import { describe, expect, test } from 'vitest';
import { aeadVectors } from './wycheproof.ts';
import { hasDebianVectors, needsDebianVectors, recordsIn } from './debian-vectors.ts';
import { type AeadVector, runInner, runProvider } from './raw-nonce.ts';
import { providersOf } from '../../src/crypto/providers.ts';
import { xchachaSubkey } from '../../src/crypto/subkey.ts';
import { suiteIds } from '../../src/crypto/index.ts';
import { hex, toHex } from '../support/hex.ts';

const sunscreen = Buffer.from(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
const xchachaProviders = providersOf(suiteIds.xchacha20Poly1305);

describe('ChaCha20-Poly1305', () => {
  test('gives the answer of RFC 8439 2.8.2', () => {
    const vector: AeadVector = {
      key: hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'),
      nonce: hex('070000004041424344454647'),
      associatedData: hex('50515253c0c1c2c3c4c5c6c7'),
      plaintext: sunscreen,
      sealed: hex(
        'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6' +
          '3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36' +
          '92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
          '3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691',
      ),
    };
    expect(runInner('chacha20-poly1305', vector)).toEqual({
      sealed: vector.sealed,
      opened: new Uint8Array(sunscreen),
    });
  });

  test('accepts and refuses as Wycheproof says', () => {
    checkAll(aeadVectors('wycheproof-chacha20-poly1305.json'), (vector) =>
      runInner('chacha20-poly1305', vector),
    );
  });

  test.skipIf(!hasDebianVectors)(`agrees with BoringSSL and OpenSSL ${needsDebianVectors}`, () => {
    let count = 0;
    for (const fields of recordsIn('ciphers/ChaCha20Poly1305/boringssl.txt', 'count')) {
      expectSealed('chacha20-poly1305', {
        key: bytes(fields['key']!),
        nonce: bytes(fields['nonce']!),
        associatedData: bytes(fields['ad']!),
        plaintext: bytes(fields['in']!),
        sealed: Buffer.concat([bytes(fields['ct']!), bytes(fields['tag']!)]),
      });
      count++;
    }
    for (const fields of recordsIn('ciphers/ChaCha20Poly1305/openssl.txt', 'count')) {
      const vector = {
        key: hex(fields['key']!),
        nonce: hex(fields['iv']!),
        associatedData: hex(fields['aad']!),
        plaintext: hex(fields['plaintext']!),
        sealed: hex(fields['ciphertext']! + fields['tag']!),
      };
      if (fields['result'] === 'CIPHERFINAL_ERROR') {
        expect(runInner('chacha20-poly1305', vector).opened).toBe('refused');
      } else expectSealed('chacha20-poly1305', vector);
      count++;
    }
    expect(count).toBeGreaterThan(70);
  });
});

describe.each(xchachaProviders.map((provider) => [provider.name, provider] as const))(
  'XChaCha20-Poly1305 by %s',
  (_, provider) => {
    test('gives the answer of draft-irtf-cfrg-xchacha-03 A.3.1', () => {
      const vector: AeadVector = {
        key: hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'),
        nonce: hex('404142434445464748494a4b4c4d4e4f5051525354555657'),
        associatedData: hex('50515253c0c1c2c3c4c5c6c7'),
        plaintext: sunscreen,
        sealed: hex(
          'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb' +
            '731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452' +
            '2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
            '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49',
        ),
      };
      expect(runProvider(provider, vector)).toEqual({
        sealed: vector.sealed,
        opened: new Uint8Array(sunscreen),
      });
    });

    test('accepts and refuses as Wycheproof says', () => {
      checkAll(aeadVectors('wycheproof-xchacha20-poly1305.json'), (vector) =>
        runProvider(provider, vector),
      );
    });
  },
);

test('HChaCha20 gives the subkey of draft-irtf-cfrg-xchacha-03 2.2.1', () => {
  const key = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
  const subkey = xchachaSubkey(key, hex('000000090000004a0000000031415927'));
  expect(toHex(subkey.export())).toBe(
    '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc',
  );
});

describe('AES-256-GCM', () => {
  test('accepts and refuses as Wycheproof says', () => {
    checkAll(aeadVectors('wycheproof-aes-256-gcm.json'), (vector) =>
      runInner('aes-256-gcm', vector),
    );
  });

  test.skipIf(!hasDebianVectors)(`seals as NIST CAVP says ${needsDebianVectors}`, () => {
    let count = 0;
    for (const fields of recordsIn('ciphers/AES/GCM/gcmEncryptExtIV256.rsp', 'count')) {
      if (fields['ivlen'] !== '96' || fields['taglen'] !== '128') continue;
      expectSealed('aes-256-gcm', cavp(fields));
      count++;
    }
    expect(count).toBe(375);
  });

  test.skipIf(!hasDebianVectors)(
    `opens and refuses as NIST CAVP says ${needsDebianVectors}`,
    () => {
      let refused = 0;
      let count = 0;
      for (const fields of recordsIn('ciphers/AES/GCM/gcmDecrypt256.rsp', 'count')) {
        if (fields['ivlen'] !== '96' || fields['taglen'] !== '128') continue;
        const { opened } = runInner('aes-256-gcm', cavp(fields));
        const isRefused = 'fail' in fields;
        expect(opened).toEqual(isRefused ? 'refused' : hex(fields['pt']!));
        if (isRefused) refused++;
        count++;
      }
      expect(count).toBe(375);
      expect(refused).toBeGreaterThan(100);
    },
  );
});

/** BoringSSL writes short inputs as quoted text. */
function bytes(value: string): Uint8Array {
  return value.startsWith('"') ? new Uint8Array(Buffer.from(value.slice(1, -1))) : hex(value);
}

function cavp(fields: Readonly<Record<string, string>>): AeadVector {
  return {
    key: hex(fields['key']!),
    nonce: hex(fields['iv']!),
    associatedData: hex(fields['aad']!),
    plaintext: hex(fields['pt'] ?? ''),
    sealed: hex(fields['ct']! + fields['tag']!),
  };
}

function expectSealed(algorithm: 'aes-256-gcm' | 'chacha20-poly1305', vector: AeadVector): void {
  const { sealed, opened } = runInner(algorithm, vector);
  expect(toHex(sealed)).toBe(toHex(vector.sealed));
  expect(opened).toEqual(new Uint8Array(vector.plaintext));
}

function checkAll(
  vectors: ReturnType<typeof aeadVectors>,
  run: (vector: AeadVector) => ReturnType<typeof runInner>,
): void {
  expect(vectors.length).toBeGreaterThan(20);
  for (const vector of vectors) {
    const { sealed, opened } = run(vector);
    expect(opened, vector.name).toEqual(vector.isValid ? vector.plaintext : 'refused');
    if (vector.isValid) expect(toHex(sealed), vector.name).toBe(toHex(vector.sealed));
  }
}
