import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { layerHeaderBytes } from './layer-header.ts';
import { layerIndexMac, layerObjectName, verifyLayerIndex } from './layer-index.ts';
import { type LayerReader, openLayer } from './layer-reader.ts';
import { createLayerSealer } from './layer-sealer.ts';

const key = new Uint8Array(32).fill(7);
const keyId = new Uint8Array(16).fill(9);
const diffId = `sha256:${'ab'.repeat(32)}`;
const otherDiffId = `sha256:${'cd'.repeat(32)}`;
const chunkBytes = 65_552;

function patterned(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** A layer's file, as an import writes it. */
function fileOf(size: number, of: string = diffId, seed = 1): Uint8Array {
  const sealer = createLayerSealer({ key, keyId, diffId: of, entropy: new SeededEntropy(seed) });
  const chunks = [...sealer.update(patterned(size)), ...sealer.final()];
  return new Uint8Array(Buffer.concat([sealer.header, ...chunks]));
}

function readerOf(file: Uint8Array, more: { diffId?: string; plainBytes?: number } = {}) {
  const header = file.subarray(0, layerHeaderBytes);
  return openLayer({ key, keyId, diffId, header, fileBytes: file.length, ...more });
}

function chunkOf(file: Uint8Array, reader: LayerReader, index: number): Uint8Array {
  const { at, bytes } = reader.place(index);
  return reader.openChunk(index, file.subarray(at, at + bytes));
}

/** All of the tar, in order. */
function opened(file: Uint8Array): Uint8Array {
  const reader = readerOf(file);
  const indexes = Array.from({ length: reader.chunkCount }, (_, i) => i);
  return Buffer.concat(indexes.map((index) => chunkOf(file, reader, index)));
}

const tampered = expect.objectContaining({ code: 'DATA_LOSS', reason: 'LAYER_TAMPERED' });

/** The chunks that still open; undefined if the file is refused before any. */
function openChunks(file: Uint8Array): number[] | undefined {
  let reader: LayerReader;
  try {
    reader = readerOf(file);
  } catch (error) {
    expect(error).toEqual(tampered);
    return undefined;
  }
  const open: number[] = [];
  for (let index = 0; index < reader.chunkCount; index++) {
    try {
      chunkOf(file, reader, index);
      open.push(index);
    } catch (error) {
      expect(error).toEqual(tampered);
    }
  }
  return open;
}

const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072];

test.each(sizes)('a layer of %d bytes opens to what was sealed, any chunk by itself', (size) => {
  const file = fileOf(size);
  expect(file.length).toBe(64 + size + 16 * Math.max(1, Math.ceil(size / 65_536)));
  expect(Buffer.from(opened(file)).equals(patterned(size))).toBe(true);
  const reader = readerOf(file, { plainBytes: size });
  const last = chunkOf(file, reader, reader.chunkCount - 1);
  expect(last.length).toBe(size - (reader.chunkCount - 1) * 65_536);
});

test('the same layer sealed twice shares no chunk: each sealing has a salt of its own', () => {
  const files = [fileOf(100, diffId, 1), fileOf(100, diffId, 2)];
  const [first, second] = files.map((file) => Buffer.from(file.subarray(64)).toString('hex'));
  expect(first).not.toBe(second);
});

describe('of a layer of three chunks', () => {
  const file = fileOf(150_000);
  const chunk = (index: number): Uint8Array =>
    file.subarray(64 + index * chunkBytes, Math.min(file.length, 64 + (index + 1) * chunkBytes));
  const made = (...parts: readonly Uint8Array[]): Uint8Array =>
    new Uint8Array(Buffer.concat([file.subarray(0, 64), ...parts]));

  test('every bit of the header counts: with one turned over, no chunk opens', () => {
    for (let bit = 0; bit < 64 * 8; bit++) {
      const changed = file.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(openChunks(changed) ?? [], `bit ${bit}`).toEqual([]);
    }
  });

  test('a bit that is turned over anywhere costs its own chunk, and only that', () => {
    fc.assert(
      fc.property(fc.integer({ min: 64 * 8, max: file.length * 8 - 1 }), (bit) => {
        const changed = file.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        const hit = Math.floor(((bit >> 3) - 64) / chunkBytes);
        expect(openChunks(changed)).toEqual([0, 1, 2].filter((index) => index !== hit));
      }),
      { numRuns: 60 },
    );
  });

  test('chunks that changed places do not open', () => {
    expect(openChunks(made(chunk(1), chunk(0), chunk(2)))).toEqual([2]);
    expect(openChunks(made(chunk(0), chunk(0), chunk(2)))).toEqual([0, 2]);
  });

  test('without a chunk in the middle, what follows does not open', () => {
    expect(openChunks(made(chunk(0), chunk(2)))).toEqual([0]);
    expect(openChunks(made(chunk(1), chunk(2)))).toEqual([]);
  });

  test('cut at the edge of a chunk, the end does not open', () => {
    expect(openChunks(made(chunk(0), chunk(1)))).toEqual([0]);
    expect(openChunks(made(chunk(0)))).toEqual([]);
    expect(openChunks(made())).toBe(undefined);
  });

  test('cut anywhere else or made longer, the last chunk does not open', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), (length) => {
        const open = openChunks(file.slice(0, length)) ?? [];
        const whole = Math.floor((length - 64) / chunkBytes);
        expect(open.every((index) => index < whole && index < 2)).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(openChunks(made(chunk(0), chunk(1), chunk(2), new Uint8Array(1)))).toEqual([0, 1]);
    expect(openChunks(made(chunk(0), chunk(1), chunk(2), chunk(2)))).toEqual([0, 1]);
  });

  test('with the size that its index has, any cut is refused before the first byte', () => {
    const cut = made(chunk(0), chunk(1));
    expect(() => readerOf(cut, { plainBytes: 150_000 })).toThrow(tampered);
    expect(() => readerOf(file, { plainBytes: 149_999 })).toThrow(tampered);
    expect(readerOf(file, { plainBytes: 150_000 }).chunkCount).toBe(3);
  });

  test('none opens as another layer of the same DEK, nor beneath its header', () => {
    const other = fileOf(150_000, otherDiffId, 2);
    expect(openChunks(other)).toEqual([]);
    const exchanged = new Uint8Array(Buffer.concat([file.subarray(0, 64), other.subarray(64)]));
    expect(openChunks(exchanged)).toEqual([]);
    const reader = readerOf(file, { diffId: otherDiffId });
    expect(() => chunkOf(file, reader, 0)).toThrow(tampered);
    expect(() => readerOf(other, { diffId: otherDiffId })).not.toThrow();
  });

  test('none opens under another DEK, whether it has the same id or not', () => {
    const header = file.subarray(0, 64);
    const at = { diffId, header, fileBytes: file.length };
    const otherId = new Uint8Array(16).fill(1);
    expect(() => openLayer({ ...at, key, keyId: otherId })).toThrow(tampered);
    const reader = openLayer({ ...at, key: new Uint8Array(32), keyId });
    expect(() => chunkOf(file, reader, 0)).toThrow(tampered);
  });
});

test('a key that is wiped after a layer was opened is not needed any more', () => {
  const file = fileOf(10);
  const lent = key.slice();
  const header = file.subarray(0, 64);
  const reader = openLayer({ key: lent, keyId, diffId, header, fileBytes: file.length });
  lent.fill(0);
  expect(chunkOf(file, reader, 0)).toEqual(Buffer.from(patterned(10)));
});

describe('the MAC of an index', () => {
  const header = fileOf(1).subarray(0, 64);
  const parts = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  const mac = layerIndexMac({ key, header }, parts);

  test('is of all bytes together, however they are cut', () => {
    expect(mac).toEqual(layerIndexMac({ key, header }, [Uint8Array.of(1, 2, 3)]));
    expect(verifyLayerIndex({ key, header }, parts, mac)).toBe(true);
  });

  test('fits no other bytes, object or DEK', () => {
    const otherHeader = fileOf(1, diffId, 2).subarray(0, 64);
    expect(verifyLayerIndex({ key, header }, [Uint8Array.of(1, 2)], mac)).toBe(false);
    expect(verifyLayerIndex({ key, header: otherHeader }, parts, mac)).toBe(false);
    expect(verifyLayerIndex({ key: new Uint8Array(32), header }, parts, mac)).toBe(false);
    expect(verifyLayerIndex({ key, header }, parts, mac.subarray(0, 31))).toBe(false);
  });
});

test('the name of an object is another for another layer and for another DEK', () => {
  const names = [
    layerObjectName(key, diffId),
    layerObjectName(key, otherDiffId),
    layerObjectName(new Uint8Array(32), diffId),
  ];
  expect(new Set(names).size).toBe(3);
  expect(names.every((name) => /^[0-9a-f]{64}$/u.test(name))).toBe(true);
});

test('a diff_id that was not checked is a bug, not a name', () => {
  for (const bad of ['', diffId.toUpperCase(), `${diffId}\n`, diffId.slice(0, -1), 'sha512:ab']) {
    expect(() => layerObjectName(key, bad)).toThrow('64 hex digits');
  }
});
