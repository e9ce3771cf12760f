import { expect, test } from 'vitest';

import { freeBytes } from './freed-bytes.ts';

test('memory that is of these bytes alone is given back', () => {
  const bytes = new Uint8Array(65_536);
  freeBytes(bytes);
  expect([bytes.length, bytes.buffer.detached]).toEqual([0, true]);
  freeBytes(bytes);
});

test('memory that others see, or may see, is not', () => {
  const all = new Uint8Array(16).fill(7);
  freeBytes(all.subarray(0, 8));
  expect(all).toEqual(new Uint8Array(16).fill(7));
  const seen = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  freeBytes(seen);
  expect(seen[3]).toBe(7);
});
