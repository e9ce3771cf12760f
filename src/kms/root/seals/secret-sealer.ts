import { hkdfSha256, keyBytes, wipe } from '../../../crypto/index.ts';
import { draw } from '../../../runtime/index.ts';
import type { SealingPorts } from './passphrase-sealer.ts';
import { RecordKey } from '../record-key.ts';
import { RootKeyError } from '../root-key-error.ts';
import { type SealParameters, type SealRecord, sealContext } from './seal-record.ts';
import type { Sealer } from './sealer.ts';

const saltBytes = 32;

/**
 * Seals under a wrapping key that comes from outside at each start: a variable, or a credential of
 * systemd. It owns the 32 bytes and wipes them.
 */
export function secretSealer(
  source: 'environment' | 'systemd-credential',
  secret: Uint8Array,
  secretName: string,
  ports: SealingPorts,
): Sealer {
  return {
    source,
    secretName,
    async seal({ id, bytes }) {
      const parameters = {
        salt: Buffer.from(draw(ports.entropy, saltBytes)).toString('base64'),
      };
      const key = derivedKey(secret, parameters, ports);
      const sealed = key.seal(sealContext({ source, id, parameters }), bytes);
      key.destroy();
      return { parameters, sealed };
    },
    async open(record: SealRecord) {
      const key = derivedKey(secret, record.parameters, ports);
      const bytes = key.open(sealContext(record), record.sealed);
      key.destroy();
      return bytes;
    },
    close: () => wipe(secret),
  };
}

/**
 * A wrapping key as people write it: 32 bytes as they are, in base64, or in hexadecimal digits.
 *
 * @throws RootKeyError for anything else: what is not random to the last bit is a passphrase
 */
export function parseWrappingSecret(content: Uint8Array, secretName: string): Uint8Array {
  if (content.length === keyBytes) return content.slice();
  const text = new TextDecoder('latin1').decode(content).trim();
  const secret = new Uint8Array(keyBytes);
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    Buffer.from(secret.buffer).write(text, 'hex');
    return secret;
  }
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text)) {
    Buffer.from(secret.buffer).write(text, 'base64');
    return secret;
  }
  const hint = 'openssl rand -base64 32';
  throw new RootKeyError(`${secretName} must be 32 random bytes, as ${hint} prints them`);
}

function derivedKey(
  secret: Uint8Array,
  { salt }: SealParameters,
  { suites, entropy }: SealingPorts,
): RecordKey {
  const info = new TextEncoder().encode('sealpost/root-seal/secret/v1');
  const bytes = hkdfSha256(secret, Buffer.from(String(salt), 'base64'), info, keyBytes);
  try {
    return new RecordKey(bytes, suites, entropy);
  } finally {
    wipe(bytes);
  }
}
