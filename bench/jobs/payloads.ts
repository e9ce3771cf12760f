import { SystemEntropy, draw } from '../../src/runtime/index.ts';

const entropy = new SystemEntropy();

/** Random bytes, which no layer below can compress or guess. */
export function payloads(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.from(draw(entropy, bytes)));
}
