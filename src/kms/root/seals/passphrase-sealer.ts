import { scrypt } from 'node:crypto';
import { keyBytes, type SuiteProviders, wipe } from '../../../crypto/index.ts';
import { draw, type Entropy } from '../../../runtime/index.ts';
import { RecordKey } from '../record-key.ts';
import { RootKeyError } from '../root-key-error.ts';
import type { PlainRootKey } from '../root-key-file.ts';
import { type SealParameters, type SealRecord, sealContext } from './seal-record.ts';
import type { Sealer } from './sealer.ts';

/** scrypt (RFC 7914): 128 MiB and about a second for each guess. */
const cost = 2 ** 17;
const costMax = 2 ** 21;
const blockSize = 8;
const parallelization = 1;
const saltBytes = 32;

export const passphraseLengthMin = 16;
export const distinctMin = 8;
export const passphraseBytesMax = 1024;

export interface SealingPorts {
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
}

/**
 * Seals under a key that scrypt derives from a passphrase, which it owns and wipes.
 *
 * @throws RootKeyError for a passphrase that is too easily guessed
 */
export function passphraseSealer(
  passphrase: Uint8Array,
  secretName: string,
  ports: SealingPorts,
): Sealer {
  refuseWeak(passphrase, secretName);
  const source = 'passphrase';
  return {
    source,
    secretName,
    async seal({ id, bytes }: PlainRootKey) {
      const salt = Buffer.from(draw(ports.entropy, saltBytes)).toString('base64');
      const parameters = { n: cost, r: blockSize, p: parallelization, salt };
      const key = await derivedKey(passphrase, parameters, ports);
      const sealed = key.seal(sealContext({ source, id, parameters }), bytes);
      key.destroy();
      return { parameters, sealed };
    },
    async open(record: SealRecord) {
      const key = await derivedKey(passphrase, record.parameters, ports);
      const bytes = key.open(sealContext(record), record.sealed);
      key.destroy();
      return bytes;
    },
    close: () => wipe(passphrase),
  };
}

/** A file is there to be copied: what protects it must outlast years of guesses. */
function refuseWeak(passphrase: Uint8Array, secretName: string): void {
  const isWeak = passphrase.length < passphraseLengthMin || new Set(passphrase).size < distinctMin;
  if (!isWeak) return;
  wipe(passphrase);
  const text = `${secretName} is too weak: take at least ${passphraseLengthMin} characters, ${distinctMin} of them different, such as six words drawn by dice`;
  throw new RootKeyError(text);
}

async function derivedKey(
  passphrase: Uint8Array,
  { n, r, p, salt }: SealParameters,
  { suites, entropy }: SealingPorts,
): Promise<RecordKey> {
  const isSound = Number(n) >= cost && Number(n) <= costMax && r === blockSize && p === 1;
  if (!isSound) throw new RootKeyError(`the root key's seal asks for scrypt with N=${n}`);
  const memory = 256 * Number(n) * blockSize;
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const limits = { N: Number(n), r: blockSize, p: parallelization, maxmem: memory };
    const saltOf = Buffer.from(String(salt), 'base64');
    scrypt(passphrase, saltOf, keyBytes, limits, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
  try {
    return new RecordKey(bytes, suites, entropy);
  } finally {
    wipe(bytes);
  }
}
