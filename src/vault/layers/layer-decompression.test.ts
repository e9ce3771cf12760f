import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';

import { decompressed } from './layer-decompression.ts';

const text: Buffer = Buffer.from('sealpost '.repeat(50_000));
const other: Buffer = Buffer.from('another part '.repeat(9_000));
const skippable: Buffer = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);

async function* cut(bytes: Buffer, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step)
    yield new Uint8Array(bytes.subarray(at, at + step));
}

async function whole(bytes: Buffer, step = 1000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of decompressed(cut(bytes, step))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test.each([1, 3, 1000, 10_000_000])(
  'what it is is seen in the first bytes, cut to %i',
  async (step) => {
    for (const plain of [Buffer.from('x'), other, Buffer.alloc(0)]) {
      expect((await whole(gzipSync(plain), step)).equals(plain)).toBe(true);
      expect((await whole(zstdCompressSync(plain), step)).equals(plain)).toBe(true);
      expect((await whole(plain, step)).equals(plain)).toBe(true);
    }
  },
);

test('streams of several parts are read to their end', async () => {
  const both = Buffer.concat([text, other]);
  expect((await whole(Buffer.concat([gzipSync(text), gzipSync(other)]))).equals(both)).toBe(true);
  const frames = [skippable, zstdCompressSync(text), skippable, zstdCompressSync(other), skippable];
  for (const step of [1, 7, 100_000]) {
    expect((await whole(Buffer.concat(frames), step)).equals(both)).toBe(true);
  }
});

test('zeros after gzip are padding, as they are to gunzip', async () => {
  const padded = Buffer.concat([gzipSync(text), Buffer.alloc(300_000)]);
  expect((await whole(padded)).equals(text)).toBe(true);
});

test.each([
  ['gzip that is cut', gzipSync(text).subarray(0, -3), /gzip stream is broken/],
  ['zstd that is cut', zstdCompressSync(text).subarray(0, -3), /zstd stream is cut/],
  ['gzip that was changed', flipped(gzipSync(text), 40), /gzip stream is broken/],
  [
    'rubbish after gzip',
    Buffer.concat([gzipSync(text), Buffer.alloc(300, 1)]),
    /gzip stream is broken/,
  ],
  [
    'rubbish after zstd',
    Buffer.concat([zstdCompressSync(text), Buffer.alloc(99, 1)]),
    /no zstd frame/,
  ],
])('%s is refused', async (_, bytes, rule) => {
  await expect(whole(bytes)).rejects.toThrow(rule);
});

test('what the source fails with comes through', async () => {
  async function* failing(bytes: Buffer): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 100);
    throw new Error('the line is down');
  }
  for (const bytes of [gzipSync(text), zstdCompressSync(text), text]) {
    const reading = async (): Promise<void> => {
      for await (const chunk of decompressed(failing(bytes))) expect(chunk).toBeDefined();
    };
    await expect(reading()).rejects.toThrow('the line is down');
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 0xff;
  return copy;
}
