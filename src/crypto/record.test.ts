import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { providersOf } from './providers.ts';
import { openRecord, recordOverheadBytes, sealRecord } from './record.ts';
import { type AeadKey, suiteIds } from './suite.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { draw } from '../runtime/index.ts';

const entropy = new SeededEntropy(3);
const keyBytes = draw(entropy, 32);
const data = draw(entropy, 20);

const keys: readonly (readonly [string, () => AeadKey | Uint8Array])[] = [
  ['32 bytes', () => keyBytes],
  ['an XAES key', () => providersOf(suiteIds.xaes256Gcm)[0]!.importKey(keyBytes)],
  ['an XChaCha key', () => providersOf(suiteIds.xchacha20Poly1305)[0]!.importKey(keyBytes)],
];

describe.each(keys)('a record sealed under %s', (_, makeKey) => {
  const key = makeKey();

  test('opens to its plaintext, and only with its associated data', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 50 }),
        (plaintext, data) => {
          const record = sealRecord(key, data, plaintext, entropy);
          expect(record.length).toBe(plaintext.length + recordOverheadBytes);
          expect(openRecord(key, data, record)).toEqual(plaintext);
          expect(openRecord(key, Uint8Array.of(...data, 0), record)).toBeNull();
        },
      ),
      { numRuns: 50 },
    );
  });

  test('is refused after any one-bit change and at any other length', () => {
    const record = sealRecord(key, data, draw(entropy, 33), entropy);
    for (let at = 0; at < record.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = record.slice();
        changed[at]! ^= 1 << bit;
        expect(openRecord(key, data, changed)).toBeNull();
      }
      expect(openRecord(key, data, record.subarray(0, at))).toBeNull();
    }
    expect(openRecord(key, data, Uint8Array.of(...record, 0))).toBeNull();
  });

  test('is refused under another key', () => {
    const record = sealRecord(key, data, draw(entropy, 33), entropy);
    expect(openRecord(draw(entropy, 32), data, record)).toBeNull();
  });

  test('never repeats a nonce', () => {
    const nonces = Array.from({ length: 50 }, () =>
      Buffer.from(sealRecord(key, data, keyBytes, entropy).subarray(1, 25)).toString('hex'),
    );
    expect(new Set(nonces).size).toBe(50);
  });
});

test('key bytes open what an AeadKey of either suite sealed', () => {
  for (const suite of Object.values(suiteIds)) {
    const key = providersOf(suite)[0]!.importKey(keyBytes);
    const record = sealRecord(key, data, keyBytes, entropy);
    expect(record[0]).toBe(suite);
    expect(openRecord(keyBytes, data, record)).toEqual(keyBytes);
  }
});

test('a key of one suite refuses a record of the other', () => {
  const [xaes, xchacha] = [1, 2].map((suite) => providersOf(suite)[0]!.importKey(keyBytes)) as [
    AeadKey,
    AeadKey,
  ];
  expect(openRecord(xaes, data, sealRecord(xchacha, data, keyBytes, entropy))).toBeNull();
  expect(openRecord(xchacha, data, sealRecord(xaes, data, keyBytes, entropy))).toBeNull();
});
