import type { Entropy } from '../../src/runtime/index.ts';

/** Repeatable bytes from a seed (splitmix64): for simulations and vectors, never for keys in use. */
export class SeededEntropy implements Entropy {
  #state: bigint;

  constructor(seed: number) {
    this.#state = BigInt(seed);
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 8) {
      let word = this.#next();
      for (let i = at; i < Math.min(at + 8, bytes.length); i++) {
        bytes[i] = Number(word & 0xffn);
        word >>= 8n;
      }
    }
  }

  /** A whole number, 0 .. below - 1. */
  below(below: number): number {
    return Number(this.#next() % BigInt(below));
  }

  #next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    let z = this.#state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }
}
