import { assert } from '../runtime/index.ts';
import { wipe } from './bytes.ts';
import { sodium } from './sodium.ts';
import { keyBytes } from './suite.ts';

/** Keys per slab: one locked page between guard pages holds them all. */
const slabKeyCount = 128;

const freeSlots: Uint8Array[] = [];

/**
 * A slab of key slots: with sodium in locked memory between guard pages, kept out of core dumps;
 * else on the heap. One slab for many keys, because each takes several of the process's mappings.
 */
function addSlab(): void {
  const length = slabKeyCount * keyBytes;
  const slab = sodium ? sodium.sodium_malloc(length) : new Uint8Array(length);
  for (let at = 0; at < length; at += keyBytes) freeSlots.push(slab.subarray(at, at + keyBytes));
}

/** A key's bytes in protected memory; `release` zeroes them, and reading is a bug from then on. */
export class HeldKey {
  #slot: Uint8Array | null;

  /** Copies `bytes` (32); the caller wipes its own. */
  constructor(bytes: Uint8Array) {
    assert(bytes.length === keyBytes, 'an AEAD key has 32 bytes');
    if (freeSlots.length === 0) addSlab();
    this.#slot = freeSlots.pop()!;
    this.#slot.set(bytes);
  }

  /** The bytes themselves, not a copy: pass them to a cipher and keep no reference. */
  get bytes(): Uint8Array {
    assert(this.#slot !== null, 'an AEAD key was used after it was destroyed');
    return this.#slot;
  }

  /** Zeroes the key; a second call does nothing. */
  release(): void {
    if (this.#slot === null) return;
    if (sodium) sodium.sodium_memzero(this.#slot);
    else wipe(this.#slot);
    freeSlots.push(this.#slot);
    this.#slot = null;
  }
}
