import { createHash } from 'node:crypto';

const algorithms: Readonly<Record<string, number>> = { sha256: 64, sha512: 128 };

/** The parts of `sha256:…` or `sha512:…`, lower-case hex; null for anything else. */
export function parseDigest(text: string): { algorithm: string; hex: string } | null {
  const [algorithm = '', hex = '', ...rest] = text.split(':');
  const isWhole =
    rest.length === 0 &&
    Object.hasOwn(algorithms, algorithm) &&
    hex.length === algorithms[algorithm] &&
    /^[0-9a-f]+$/.test(hex);
  return isWhole ? { algorithm, hex } : null;
}

/** The digest of bytes, by the algorithm of `like` (a digest) if one is given. */
export function digestOf(bytes: Uint8Array, like: string = 'sha256:'): string {
  const [algorithm = 'sha256'] = like.split(':');
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}
