import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { LayerEntry, LayerEntryType } from './layer-entry.ts';
import { decodeLayerIndex, LayerIndexWriter } from './layer-index.ts';

const head = { diffId: `sha256:${'a'.repeat(64)}`, tarBytes: 5, chunkCount: 1 };
const kinds: readonly LayerEntryType[] = [
  'file',
  'hardlink',
  'symlink',
  'directory',
  'character',
  'block',
  'fifo',
  'whiteout',
  'opaque',
];

const entries: fc.Arbitrary<LayerEntry> = fc.record({
  type: fc.constantFrom(...kinds),
  path: fc.string({ unit: 'grapheme' }),
  mode: fc.nat(0o7777),
  uid: fc.nat(),
  gid: fc.nat(),
  size: fc.maxSafeNat(),
  mtime: fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e12 })
    .map((time) => time + 0),
  linkname: fc.string({ unit: 'grapheme' }),
  xattrs: fc.array(fc.string()),
  offset: fc.maxSafeNat(),
});

function written(list: readonly LayerEntry[]): Buffer {
  const writer = new LayerIndexWriter(1e9);
  for (const entry of list) writer.add(entry);
  return Buffer.concat(writer.finish(head));
}

test('an index says what was written to it', () => {
  fc.assert(
    fc.property(fc.array(entries), (list) => {
      expect(decodeLayerIndex(written(list))).toEqual({ ...head, entries: list });
    }),
  );
});

test('an index of many blocks says what was written to it', () => {
  const [entry] = fc.sample(entries, { numRuns: 1, seed: 1 });
  const list = Array.from({ length: 5_000 }, (_, index) => ({ ...entry!, path: `file-${index}` }));
  expect(decodeLayerIndex(written(list)).entries).toEqual(list);
});

test('names that are too many to keep are refused', () => {
  const writer = new LayerIndexWriter(100_000);
  const [entry] = fc.sample(entries, { numRuns: 1, seed: 1 });
  const add = (): void => {
    for (let count = 0; count < 5_000; count++) writer.add({ ...entry!, path: 'p'.repeat(100) });
  };
  expect(add).toThrow('too many to keep');
});

test.each([
  ['nothing', ''],
  ['no line', '{}'],
  ['another format', '{"format":"x"}\n'],
  ['null', 'null\n'],
  ['no JSON', '{\n'],
])('a file that is no index is told: %s', (_, bytes) => {
  expect(() => decodeLayerIndex(Buffer.from(bytes))).toThrow('its index is not as it was written');
});

test('an index without one of its lines, or with a line of something else, is told', () => {
  const list = fc.sample(entries, { numRuns: 3, seed: 2 });
  const lines = written(list).toString().split('\n');
  const cut = [lines[0], ...lines.slice(2)].join('\n');
  expect(() => decodeLayerIndex(Buffer.from(cut))).toThrow('it lacks entries');
  for (const line of ['5', '["z"]', '["f",1]', '["f","a",-1]', '["f","a",1,1,1,1,"t"]']) {
    const strange = [lines[0], line, ...lines.slice(2)].join('\n');
    expect(() => decodeLayerIndex(Buffer.from(strange))).toThrow('not as it was written');
  }
});
