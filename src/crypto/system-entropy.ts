import { type Entropy, SystemEntropy } from '../runtime/index.ts';
import { sodium } from './sodium.ts';

/**
 * The operating system's generator: libsodium's direct call where it loads, else node:crypto. Never
 * a pool in this process, so that a cloned machine does not repeat what it draws.
 */
export function systemEntropy(): Entropy {
  const binding = sodium;
  if (binding === null) return new SystemEntropy();
  return { fill: (bytes) => binding.randombytes_buf(bytes) };
}
