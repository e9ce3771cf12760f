import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  associatedData,
  commitmentOf,
  equalBytes,
  keyedHash,
  keyedHashInto,
  systemEntropy,
  wipe,
} from './index.ts';
import { portableKeyedHashInto } from './keyed-hash.ts';
import { draw } from '../runtime/index.ts';

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

test('equal bytes are equal, others and other lengths are not', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});

test('wiped bytes are zero', () => {
  const key = Uint8Array.of(1, 2, 3);
  wipe(key);
  expect(key).toEqual(new Uint8Array(3));
});

test('associated data has each part after its length', () => {
  expect(associatedData(['ab', Uint8Array.of(7), ''])).toEqual(
    Uint8Array.of(0, 0, 0, 2, 0x61, 0x62, 0, 0, 0, 1, 7, 0, 0, 0, 0),
  );
});

test('different lists of parts never give the same associated data', () => {
  const parts = fc.array(bytes(6), { maxLength: 5 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const isSame = a.length === b.length && a.every((part, i) => equalBytes(part, b[i]!));
      expect(equalBytes(associatedData(a), associatedData(b))).toBe(isSame);
    }),
  );
});

test('the keyed hash is the same natively and in JavaScript, for all its lengths', () => {
  const key = fc.uint8Array({ minLength: 16, maxLength: 64 });
  fc.assert(
    fc.property(key, bytes(300), fc.integer({ min: 16, max: 64 }), (key, input, length) => {
      const portable = new Uint8Array(length);
      portableKeyedHashInto(key, input, portable);
      expect(keyedHash(key, input, length)).toEqual(portable);
    }),
  );
});

test('the keyed hash writes into a view and nowhere else', () => {
  const buffer = new Uint8Array(32);
  const key = new Uint8Array(32).fill(9);
  keyedHashInto(key, Uint8Array.of(1), buffer.subarray(8, 24));
  expect(buffer.subarray(8, 24)).toEqual(keyedHash(key, Uint8Array.of(1), 16));
  expect(buffer.subarray(0, 8)).toEqual(new Uint8Array(8));
  expect(buffer.subarray(24)).toEqual(new Uint8Array(8));
});

test.each([
  { key: 15, out: 16 },
  { key: 65, out: 16 },
  { key: 32, out: 15 },
  { key: 32, out: 65 },
])('the keyed hash refuses a key of $key and an output of $out bytes', ({ key, out }) => {
  expect(() => keyedHashInto(new Uint8Array(key), new Uint8Array(1), new Uint8Array(out))).toThrow(
    /16 to 64/,
  );
});

test('a commitment depends on the key, on every part and on where parts end', () => {
  const key = new Uint8Array(32).fill(1);
  const commitments = [
    commitmentOf(key, ['a', 'bc']),
    commitmentOf(key, ['ab', 'c']),
    commitmentOf(key, ['a', 'bd']),
    commitmentOf(new Uint8Array(32).fill(2), ['a', 'bc']),
  ].map((commitment) => Buffer.from(commitment).toString('hex'));
  expect(new Set(commitments).size).toBe(4);
  expect(commitments.every((commitment) => commitment.length === 64)).toBe(true);
  expect(commitmentOf(key, ['a', 'bc'])).toEqual(
    new Uint8Array(Buffer.from(commitments[0]!, 'hex')),
  );
});

test('the system entropy fills all of a view, and differently each time', () => {
  const entropy = systemEntropy();
  expect(draw(entropy, 32)).not.toEqual(draw(entropy, 32));
  const buffer = new Uint8Array(64);
  entropy.fill(buffer.subarray(16, 48));
  expect(buffer.subarray(16, 48).some((byte) => byte !== 0)).toBe(true);
  expect(buffer.subarray(0, 16)).toEqual(new Uint8Array(16));
  expect(buffer.subarray(48)).toEqual(new Uint8Array(16));
});
