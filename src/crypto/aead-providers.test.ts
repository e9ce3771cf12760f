import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeXaes, nodeXchacha } from './node-aead.ts';
import { nobleXchacha } from './noble-aead.ts';
import { providersOf } from './providers.ts';
import { sodium } from './sodium.ts';
import { type AeadProvider, sealIndex, suiteIds } from './suite.ts';
import { gcm } from '@noble/ciphers/aes.js';
import { xaesDerivation } from './subkey.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { draw } from '../runtime/index.ts';

const xchacha = providersOf(suiteIds.xchacha20Poly1305);
const all: readonly AeadProvider[] = [...xchacha, ...providersOf(suiteIds.xaes256Gcm)];
const named = all.map(
  (provider) => [`suite ${provider.suite} by ${provider.name}`, provider] as const,
);

const index = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(sealIndex, 0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
interface Sealing {
  readonly key: Uint8Array;
  readonly id: Uint8Array;
  readonly index: number;
  readonly associatedData: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly at: number;
}

const sealing: fc.Arbitrary<Sealing> = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  index,
  associatedData: fc.uint8Array({ maxLength: 200, size: 'max' }),
  plaintext: fc.uint8Array({ maxLength: 5000, size: 'max' }),
  at: fc.integer({ min: 0, max: 9 }),
});

function sealBy(provider: AeadProvider, input: Sealing): Uint8Array {
  const key = provider.importKey(input.key);
  const out = new Uint8Array(input.at + input.plaintext.length + 16 + 3);
  const cipher = key.segment(input.id);
  const written = cipher.seal(input.index, input.associatedData, input.plaintext, out, input.at);
  key.destroy();
  expect(written).toBe(input.plaintext.length + 16);
  expect(out.subarray(0, input.at).every((byte) => byte === 0)).toBe(true);
  expect(out.subarray(input.at + written).every((byte) => byte === 0)).toBe(true);
  return out.slice(input.at, input.at + written);
}

function openBy(provider: AeadProvider, input: Sealing, sealed: Uint8Array): Uint8Array | null {
  const key = provider.importKey(input.key);
  const out = new Uint8Array(input.at + input.plaintext.length);
  const length = key
    .segment(input.id)
    .open(input.index, input.associatedData, sealed, out, input.at);
  key.destroy();
  return length < 0 ? null : out.slice(input.at, input.at + length);
}

test('sodium loads here, so that all three providers are compared', () => {
  expect(sodium).not.toBeNull();
  expect(xchacha.map((provider) => provider.name)).toEqual(['sodium', 'node', 'noble']);
});

test('all providers of XChaCha20-Poly1305 write the same bytes and open one another', () => {
  fc.assert(
    fc.property(sealing, (input) => {
      const expected = sealBy(nobleXchacha, input);
      for (const provider of xchacha) {
        expect(Buffer.compare(sealBy(provider, input), expected)).toBe(0);
        expect(openBy(provider, input, expected)).toEqual(input.plaintext);
      }
    }),
    { numRuns: 150 },
  );
});

test('XAES-256-GCM is AES-256-GCM of another implementation under the derived key', () => {
  fc.assert(
    fc.property(sealing, (input) => {
      const derivation = xaesDerivation(input.key);
      const subkey = new Uint8Array(derivation.subkey(input.id.subarray(0, 12)).export());
      derivation.destroy();
      const nonce = new Uint8Array(12);
      nonce.set(input.id.subarray(12));
      const last = input.index === sealIndex ? 2n ** 64n - 1n : BigInt(input.index);
      new DataView(nonce.buffer).setBigUint64(4, last);
      const expected = gcm(subkey, nonce, input.associatedData).encrypt(input.plaintext);
      expect(Buffer.compare(sealBy(nodeXaes, input), expected)).toBe(0);
      expect(openBy(nodeXaes, input, expected)).toEqual(input.plaintext);
    }),
    { numRuns: 60 },
  );
});

describe.each(named)('%s', (_, provider) => {
  const entropy = new SeededEntropy(7);
  const keyBytes = draw(entropy, 32);
  const id = draw(entropy, 16);
  const data = draw(entropy, 38);
  const plaintext = draw(entropy, 100);

  test('refuses any one-bit change of key, id, index, associated data, ciphertext or tag', () => {
    const input: Sealing = { key: keyBytes, id, index: 5, associatedData: data, plaintext, at: 0 };
    const sealed = sealBy(provider, input);
    const flips = [
      ...flipsOf(sealed).map((changed) => openBy(provider, input, changed)),
      ...flipsOf(keyBytes).map((key) => openBy(provider, { ...input, key }, sealed)),
      ...flipsOf(id).map((other) => openBy(provider, { ...input, id: other }, sealed)),
      ...flipsOf(data).map((other) =>
        openBy(provider, { ...input, associatedData: other }, sealed),
      ),
      ...[4, 6, 2 ** 32 + 5, sealIndex].map((other) =>
        openBy(provider, { ...input, index: other }, sealed),
      ),
    ];
    expect(flips.length).toBe(116 + 32 + 16 + 38 + 4);
    expect(flips.every((opened) => opened === null)).toBe(true);
    expect(openBy(provider, input, sealed)).toEqual(plaintext);
  });

  test('refuses every truncation, down to nothing', () => {
    const input: Sealing = { key: keyBytes, id, index: 5, associatedData: data, plaintext, at: 0 };
    const sealed = sealBy(provider, input);
    for (let length = 0; length < sealed.length; length++) {
      expect(openBy(provider, input, sealed.subarray(0, length))).toBeNull();
    }
  });

  test('shows no unverified byte in the buffer of who opens', () => {
    const key = provider.importKey(keyBytes);
    const cipher = key.segment(id);
    const sealed = new Uint8Array(116);
    cipher.seal(0, data, plaintext, sealed, 0);
    sealed[115]! ^= 1;
    const out = new Uint8Array(120).fill(0xaa);
    expect(cipher.open(0, data, sealed, out, 10)).toBe(-1);
    expect(out.subarray(10, 110).every((byte) => byte === 0xaa || byte === 0)).toBe(true);
    expect(out.subarray(110).every((byte) => byte === 0xaa)).toBe(true);
    key.destroy();
  });

  test('keeps two segments of one key apart when they are used in turn', () => {
    const key = provider.importKey(keyBytes);
    const first = key.segment(id);
    const second = key.segment(draw(entropy, 16));
    const [a, b, c] = [new Uint8Array(116), new Uint8Array(116), new Uint8Array(116)];
    first.seal(0, data, plaintext, a, 0);
    second.seal(0, data, plaintext, b, 0);
    first.seal(0, data, plaintext, c, 0);
    key.destroy();
    expect(c).toEqual(a);
    expect(b).not.toEqual(a);
  });

  test('is dead after destroy, ciphers made before it included, and a second destroy is harmless', () => {
    const key = provider.importKey(keyBytes);
    const cipher = key.segment(id);
    key.destroy();
    key.destroy();
    const out = new Uint8Array(200);
    expect(() => cipher.seal(0, data, plaintext, out, 0)).toThrow(/after it was destroyed/);
    expect(() => cipher.open(0, data, out.subarray(0, 116), out, 0)).toThrow(
      /after it was destroyed/,
    );
    expect(() => key.segment(id).seal(0, data, plaintext, out, 0)).toThrow(
      /after it was destroyed/,
    );
  });

  test('takes a copy of the key: the caller may wipe its own at once', () => {
    const own = keyBytes.slice();
    const key = provider.importKey(own);
    own.fill(0);
    const [a, b] = [new Uint8Array(116), new Uint8Array(116)];
    key.segment(id).seal(0, data, plaintext, a, 0);
    const other = provider.importKey(keyBytes);
    other.segment(id).seal(0, data, plaintext, b, 0);
    expect(a).toEqual(b);
    key.destroy();
    other.destroy();
  });

  test.each([-2, 0.5, 2 ** 53, Number.NaN])('refuses index %d', (bad) => {
    const key = provider.importKey(keyBytes);
    const cipher = key.segment(id);
    expect(() => cipher.seal(bad, data, plaintext, new Uint8Array(200), 0)).toThrow(/nonce index/);
    key.destroy();
  });

  test('refuses keys and ids of another length', () => {
    expect(() => provider.importKey(new Uint8Array(31))).toThrow(/32 bytes|key length/i);
    const key = provider.importKey(keyBytes);
    expect(() =>
      key.segment(new Uint8Array(15)).seal(0, data, plaintext, new Uint8Array(200), 0),
    ).toThrow(/16 bytes/);
    key.destroy();
  });
});

test('a destroyed key leaves nothing in the slot that the next key takes over', () => {
  const first = nodeXchacha.importKey(new Uint8Array(32).fill(1));
  first.destroy();
  const second = nodeXchacha.importKey(new Uint8Array(32).fill(2));
  expect(() => first.segment(new Uint8Array(16))).toThrow(/after it was destroyed/);
  second.destroy();
});

/** One copy per byte, with one bit of that byte changed. */
function flipsOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, at) => {
    const changed = bytes.slice();
    changed[at]! ^= 1 << (at % 8);
    return changed;
  });
}
