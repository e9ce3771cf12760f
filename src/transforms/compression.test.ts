import { deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { compressionStage } from './compression.ts';
import { defaultTransformLimits } from './limits.ts';
import type { TransformableMessage } from './transform.ts';

const limits = { ...defaultTransformLimits, dataBytesMax: 1000 };
const text = (data: Uint8Array): string => Buffer.from(data).toString();

function message(data: Uint8Array | string): TransformableMessage {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  return { data: bytes, attributes: { a: '1' }, orderingKey: '', messageId: '' };
}

async function only(mode: 'COMPRESS' | 'DECOMPRESS', data: Uint8Array | string): Promise<unknown> {
  const [outcome] = await compressionStage(mode, limits).run([message(data)]);
  return outcome;
}

describe('the ZLIB transform', () => {
  test('compresses data as any zlib reads it, and leaves the attributes', async () => {
    const stage = compressionStage('COMPRESS', limits);
    const many = Array.from({ length: 20 }, (_, index) => message(`message ${index}`));
    const outcomes = await stage.run([...many, message('')]);
    expect(
      outcomes.map((outcome) => {
        if (outcome.kind !== 'transformed') throw new Error(outcome.kind);
        return [text(inflateSync(outcome.data)), outcome.attributes];
      }),
    ).toEqual([...many, message('')].map(({ data }) => [text(data), { a: '1' }]));
  });

  test('decompresses what was compressed', async () => {
    expect(await only('DECOMPRESS', deflateSync('hello'))).toEqual({
      kind: 'transformed',
      data: new TextEncoder().encode('hello'),
      attributes: { a: '1' },
    });
  });

  test.each([
    ['garbage', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
    ['a stream that breaks off', deflateSync('hello').subarray(0, -2)],
    [
      'a stream with a changed checksum',
      Buffer.concat([deflateSync('hello').subarray(0, -1), Buffer.of(0)]),
    ],
    ['a stream with more behind it', Buffer.concat([deflateSync('hello'), Buffer.from('x')])],
  ])('fails on %s', async (_, data) => {
    const message = 'The data could not be decompressed: it is not valid ZLIB data.';
    expect(await only('DECOMPRESS', data)).toEqual({ kind: 'failed', message });
  });

  test('stops at the size of a message, however small the bomb', async () => {
    expect(await only('DECOMPRESS', deflateSync(Buffer.alloc(1000)))).toHaveProperty(
      'kind',
      'transformed',
    );
    expect(await only('DECOMPRESS', deflateSync(Buffer.alloc(1_000_000)))).toEqual({
      kind: 'failed',
      message: 'The decompressed data is too large.',
    });
  });
});
