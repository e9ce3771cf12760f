import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkedAead, sealedChunkBytes, streamChunkBytes } from './chunked-aead.ts';
import { StreamSealer } from './stream-sealer.ts';
import { streamShape } from './stream-sizes.ts';

const key = new Uint8Array(32).map((_, i) => i);

function patterned(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
}

function sealed(plain: Uint8Array, cuts: readonly number[] = []): Uint8Array[] {
  const sealer = new StreamSealer(key);
  const edges = [0, ...cuts.map((cut) => cut % (plain.length + 1)).toSorted((a, b) => a - b)];
  const chunks = edges.flatMap((from, i) =>
    sealer.update(plain.slice(from, edges[i + 1] ?? plain.length)),
  );
  chunks.push(...sealer.final());
  expect([sealer.plainBytes, sealer.chunkCount]).toEqual([plain.length, chunks.length]);
  return chunks;
}

const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000];

test.each(sizes)('%d bytes are cut into whole chunks and the rest, and open again', (size) => {
  const plain = patterned(size);
  const chunks = sealed(plain);
  const aead = new ChunkedAead(key);
  const opened = chunks.map((chunk, i) => aead.open(i, i === chunks.length - 1, chunk)!);
  expect(Buffer.concat(opened).equals(plain)).toBe(true);
  expect(chunks.slice(0, -1).every(({ length }) => length === sealedChunkBytes)).toBe(true);
  const sealedBytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const lastSealedBytes = chunks.at(-1)!.length;
  const shape = { plainBytes: size, chunkCount: chunks.length, lastSealedBytes };
  expect(streamShape(sealedBytes)).toEqual(shape);
});

test('the same chunks come out however the plaintext comes in', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 });
  fc.assert(
    fc.property(fc.constantFrom(...sizes), cuts, (size, at) => {
      const plain = patterned(size);
      expect(Buffer.concat(sealed(plain, at)).equals(Buffer.concat(sealed(plain)))).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('a chunk is held back until a byte follows it', () => {
  const sealer = new StreamSealer(key);
  expect(sealer.update(patterned(streamChunkBytes))).toEqual([]);
  expect(sealer.update(new Uint8Array(0))).toEqual([]);
  expect(sealer.update(patterned(1))).toHaveLength(1);
  expect(sealer.final()).toHaveLength(1);
});

test('nothing is taken in after the end, whether it came or was called off', () => {
  const ended = new StreamSealer(key);
  ended.final();
  const given = new StreamSealer(key);
  given.close();
  for (const sealer of [ended, given]) {
    expect(() => sealer.update(patterned(1))).toThrow('after its end');
    expect(() => sealer.final()).toThrow('ends once');
  }
});

describe('a chunk', () => {
  const plain = patterned(1_000);
  const aead = new ChunkedAead(key);
  const chunk = aead.seal(3, false, plain);

  test('opens only at its own place', () => {
    expect(aead.open(3, false, chunk)).toEqual(Buffer.from(plain));
    expect(aead.open(3, true, chunk)).toBe(null);
    expect(aead.open(2, false, chunk)).toBe(null);
    expect(aead.open(2 ** 32 - 1, false, chunk)).toBe(null);
    expect(new ChunkedAead(patterned(32)).open(3, false, chunk)).toBe(null);
  });

  test('with any bit turned over, cut or longer does not open', () => {
    fc.assert(
      fc.property(fc.nat(chunk.length * 8 - 1), (bit) => {
        const changed = chunk.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(aead.open(3, false, changed)).toBe(null);
      }),
    );
    for (const length of [0, 4, 15, 16, chunk.length - 1]) {
      expect(aead.open(3, false, chunk.subarray(0, length))).toBe(null);
    }
    expect(aead.open(3, false, Uint8Array.of(...chunk, 0))).toBe(null);
  });

  test('beyond the last that a key may seal is a bug', () => {
    expect(() => aead.seal(2 ** 32, false, plain)).toThrow('no such chunk');
    expect(() => aead.seal(-1, false, plain)).toThrow('no such chunk');
    expect(() => aead.seal(0, false, patterned(streamChunkBytes + 1))).toThrow('too large');
  });
});

test.each([0, 1, 15, sealedChunkBytes + 16, sealedChunkBytes + 1, NaN, 2 ** 53, -1, 16.5])(
  'no stream is %d bytes long',
  (length) => {
    expect(streamShape(length)).toBe(null);
  },
);
