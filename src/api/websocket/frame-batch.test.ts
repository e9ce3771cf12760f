import fc from 'fast-check';
import { expect, test } from 'vitest';

import { FrameBatch } from './frame-batch.ts';

/** Payloads of unmasked frames, by RFC 6455, 5.2. */
function payloadsOf(bytes: Buffer, opcode: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    expect(bytes[at]).toBe(0x80 | opcode);
    const short = bytes[at + 1]!;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const extended = short === 126 ? bytes.readUInt16BE(at + 2) : 0;
    const length = short < 126 ? short : extended || Number(bytes.readBigUInt64BE(at + 2));
    payloads.push(bytes.subarray(start, start + length));
    at = start + length;
  }
  return payloads;
}

test('frames of one turn are one piece of bytes, each whole and with its own head', () => {
  const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
  const batch = new FrameBatch(true);
  for (const size of sizes) expect(batch.add(new Uint8Array(size).fill(size & 255))).toBe(size);
  expect(batch.payloadBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  const payloads = payloadsOf(batch.takeBytes(), 2);
  expect(payloads.map(({ length }) => length)).toEqual(sizes);
  expect(
    payloads.every((payload, at) => payload.every((byte) => byte === (sizes[at]! & 255))),
  ).toBe(true);
  expect(batch.payloadBytes).toBe(0);
  expect(batch.takeBytes().length).toBe(0);
});

test('text is UTF-8, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      const batch = new FrameBatch(false);
      for (const text of texts) expect(batch.add(text)).toBe(Buffer.byteLength(text));
      expect(payloadsOf(batch.takeBytes(), 1).map(String)).toEqual(texts);
    }),
  );
});

test('the same frames one by one are for who frames them otherwise', () => {
  const batch = new FrameBatch(false);
  batch.add('a');
  batch.add('b');
  expect(batch.takeFrames()).toEqual(['a', 'b']);
  expect(batch.takeBytes().length).toBe(0);
});
