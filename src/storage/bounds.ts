import { assert } from '../runtime/index.ts';
import { segmentKinds, type Append } from './store.ts';

const kinds: ReadonlySet<number> = new Set(Object.values(segmentKinds));
const u32Max = 2 ** 32 - 1;

/** What every engine demands of an append; a breach is a bug of the caller. */
export function checkAppend(op: Append, bodyBytesMax: number): void {
  assert(Number.isSafeInteger(op.log) && op.log >= 1, 'log ids are 1 .. 2^53 - 1');
  assert(op.count >= 1 && op.count <= u32Max, 'a segment holds 1 .. 2^32 - 1 entries');
  assert(op.at >= 0 && Number.isSafeInteger(op.at + op.count), 'sequences end at 2^53 - 1');
  assert(op.epoch >= 0 && op.epoch <= u32Max, 'epochs are 0 .. 2^32 - 1');
  assert(Number.isSafeInteger(op.timeMs) && op.timeMs >= 0, 'times are 0 .. 2^53 - 1 ms');
  assert(op.id.length === 16, 'an id has 16 bytes');
  assert(kinds.has(op.kind), 'unknown segment kind');
  assert(op.body.length <= bodyBytesMax, 'a body is larger than bodyBytesMax');
}

const metaKeyBytesMax = 1000;

/** Metadata keys are 1 .. 1,000 bytes of UTF-8 above the engines' own row at U+0000. */
export function checkMetaKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  assert(bytes > 0 && bytes <= metaKeyBytesMax, 'a metadata key has 1 .. 1,000 bytes');
  assert(key >= '\u0001', 'a metadata key begins above U+0000');
}
