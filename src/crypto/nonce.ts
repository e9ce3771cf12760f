import { assert } from '../runtime/index.ts';
import { type NonceIndex, sealIndex, segmentIdBytes } from './suite.ts';

/** Bytes of a nonce of either suite. */
export const nonceBytes = 24;

/** Writes u64be(index) to `out` at `at`; `sealIndex` is 2^64 - 1. */
export function writeIndex(out: Uint8Array, at: number, index: NonceIndex): void {
  if (typeof index === 'bigint') {
    new DataView(out.buffer, out.byteOffset + at, 8).setBigUint64(0, index);
    return;
  }
  assert(
    Number.isSafeInteger(index) && index >= sealIndex,
    'a nonce index is 0 .. 2^53 - 1 or sealIndex',
  );
  const isSeal = index === sealIndex;
  const high = isSeal ? 0xffffffff : Math.floor(index / 2 ** 32);
  const low = isSeal ? 0xffffffff : index >>> 0;
  out[at] = high >>> 24;
  out[at + 1] = high >>> 16;
  out[at + 2] = high >>> 8;
  out[at + 3] = high;
  out[at + 4] = low >>> 24;
  out[at + 5] = low >>> 16;
  out[at + 6] = low >>> 8;
  out[at + 7] = low;
}

/** A scratch nonce `id ‖ 0`, whose last eight bytes `writeIndex` sets for each message. */
export function scratchNonce(id: Uint8Array): Uint8Array {
  assert(id.length === segmentIdBytes, 'a segment id has 16 bytes');
  const nonce = new Uint8Array(nonceBytes);
  nonce.set(id);
  return nonce;
}
