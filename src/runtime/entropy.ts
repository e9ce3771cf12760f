import { randomFillSync } from 'node:crypto';

/** A source of unpredictable bytes. Every id, nonce and key is drawn through this port. */
export interface Entropy {
  /** Overwrites all of `bytes`. */
  fill(bytes: Uint8Array): void;
}

/** The operating system's generator by way of node:crypto; crypto offers a faster direct one. */
export class SystemEntropy implements Entropy {
  fill(bytes: Uint8Array): void {
    randomFillSync(bytes);
  }
}

/** Draws `length` fresh bytes in an allocation of their own, never from a shared pool. */
export function draw(entropy: Entropy, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  entropy.fill(bytes);
  return bytes;
}
