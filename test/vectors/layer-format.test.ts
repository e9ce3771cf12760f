import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SuiteId } from '../../src/crypto/index.ts';
import { openImageConfig, sealImageConfig } from '../../src/envelope/index.ts';
import {
  createLayerSealer,
  layerIndexMac,
  layerObjectName,
  openLayer,
  verifyLayerIndex,
} from '../../src/envelope/layers/index.ts';
import {
  type ImageConfigPlace,
  imageConfigAssociatedData,
} from '../../src/envelope/layers/image-config-seal.ts';
import {
  decodeLayerKeyRow,
  encodeLayerKeyRow,
  isLayerKeyCommitted,
  layerKeyRowKey,
  type LayerKeyRow,
  layerWrapAssociatedData,
} from '../../src/envelope/layers/layer-key-row.ts';
import { hex, toHex } from '../support/hex.ts';
import { nonceOf, readGolden, RecordedEntropy } from './golden-file.ts';
import { indexMacOf, layerFileOf, layerPlain, objectNameOf } from './layer-bytes.ts';

interface GoldenLayer {
  readonly size: number;
  readonly dek: string;
  readonly keyId: string;
  readonly diffId: string;
  readonly header: string;
  /** Of each chunk, in order. */
  readonly tags: readonly string[];
  /** Of the smallest. */
  readonly file?: string;
  readonly fileSha256: string;
  readonly indexBody: string;
  readonly indexMac: string;
  readonly objectName: string;
}

type HexOf<Row> = { [Field in keyof Row]: Row[Field] extends Uint8Array ? string : Row[Field] };

interface GoldenDek extends HexOf<LayerKeyRow> {
  readonly dek: string;
  readonly wrapAssociatedData: string;
  readonly rowKey: string;
  readonly row: string;
}

interface GoldenConfig extends HexOf<Omit<ImageConfigPlace, 'key'>> {
  readonly suite: SuiteId;
  readonly dek: string;
  readonly plain: string;
  readonly associatedData: string;
  readonly sealed: string;
}

const golden = readGolden('layer-format-1.json') as {
  readonly layers: readonly GoldenLayer[];
  readonly deks: readonly GoldenDek[];
  readonly configs: readonly GoldenConfig[];
};

test('golden layers of every size at an edge are there', () => {
  const sizes = golden.layers.map(({ size }) => size);
  expect(sizes).toEqual(expect.arrayContaining([0, 1, 65_535, 65_536, 65_537, 131_072]));
  expect(golden.layers.every(({ size }) => layerPlain(size).length === size)).toBe(true);
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(golden.layers)('the golden layer of $size bytes', (layer) => {
  const { size, diffId } = layer;
  const [key, keyId, header] = [layer.dek, layer.keyId, layer.header].map(hex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const salt = header.subarray(16, 48);
  const rawDiffId = hex(diffId.slice('sha256:'.length));
  const plain = layerPlain(size);

  test('is what the page says, made from other parts', () => {
    const file = layerFileOf({ dek: key, keyId, diffId: rawDiffId, salt, plain });
    expect(sha256(file)).toBe(layer.fileSha256);
    const body = hex(layer.indexBody);
    expect(toHex(indexMacOf(key, header, body))).toBe(layer.indexMac);
    expect(toHex(objectNameOf(key, rawDiffId))).toBe(layer.objectName);
  });

  test('is written', () => {
    const entropy = new RecordedEntropy(salt);
    const sealer = createLayerSealer({ key, keyId, diffId, entropy });
    const chunks = [...sealer.update(plain), ...sealer.final()];
    expect(entropy.left).toBe(0);
    expect(toHex(sealer.header)).toBe(layer.header);
    expect(chunks.map((chunk) => toHex(chunk.subarray(-16)))).toEqual(layer.tags);
    const file = Buffer.concat([sealer.header, ...chunks]);
    expect(sha256(file)).toBe(layer.fileSha256);
    if (layer.file !== undefined) expect(toHex(file)).toBe(layer.file);
  });

  test('is read', () => {
    const file = layerFileOf({ dek: key, keyId, diffId: rawDiffId, salt, plain });
    const at = { key, keyId, diffId, header, fileBytes: file.length, plainBytes: size };
    const reader = openLayer(at);
    const opened = layer.tags.map((_, index) => {
      const { at: from, bytes } = reader.place(index);
      return reader.openChunk(index, file.subarray(from, from + bytes));
    });
    expect(reader.chunkCount).toBe(layer.tags.length);
    expect(Buffer.concat(opened).equals(plain)).toBe(true);
  });

  test('has the golden name, and an index with the golden MAC', () => {
    const body = [hex(layer.indexBody)];
    expect(toHex(layerIndexMac({ key, header }, body))).toBe(layer.indexMac);
    expect(verifyLayerIndex({ key, header }, body, hex(layer.indexMac))).toBe(true);
    expect(layerObjectName(key, diffId)).toBe(layer.objectName);
  });
});

test('golden DEKs of a claimed key and of the default key, and a rewrapped one, are there', () => {
  expect(new Set(golden.deks.map(({ place }) => place.key === null)).size).toBe(2);
  expect(new Set(golden.deks.map(({ rewrappedMs }) => rewrappedMs === null)).size).toBe(2);
});

test.each(golden.deks)('the golden DEK at $rowKey is written, read and bound', (stored) => {
  const { id, commitment, wrapped, dek, wrapAssociatedData, rowKey, row: bytes, ...clear } = stored;
  const row = { ...clear, id: hex(id), commitment: hex(commitment), wrapped: hex(wrapped) };
  expect(layerKeyRowKey(row.place)).toBe(rowKey);
  expect(toHex(encodeLayerKeyRow(row))).toBe(bytes);
  expect(decodeLayerKeyRow(hex(bytes))).toEqual(row);
  expect(toHex(layerWrapAssociatedData(row.place, row.id))).toBe(wrapAssociatedData);
  expect(isLayerKeyCommitted(hex(dek), row)).toBe(true);
});

test('golden configs of both suites are there', () => {
  expect(new Set(golden.configs.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
});

test.each(golden.configs)('the config of $manifestDigest, suite $suite, is read', (config) => {
  const { place, manifestDigest } = config;
  const at = { key: hex(config.dek), keyId: hex(config.keyId), place, manifestDigest };
  const sealed = hex(config.sealed);
  expect(sealed[0]).toBe(config.suite);
  expect(toHex(imageConfigAssociatedData(at))).toBe(config.associatedData);
  expect(Buffer.from(openImageConfig(at, sealed)).toString()).toBe(config.plain);
  const again = sealImageConfig(
    at,
    Buffer.from(config.plain),
    new RecordedEntropy(nonceOf(sealed)),
  );
  if (again[0] === config.suite) expect(toHex(again)).toBe(config.sealed);
});
