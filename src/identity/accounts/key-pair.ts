import { createPublicKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';

import { RpcError } from '../../rpc/index.ts';

const generate = promisify(generateKeyPair);
const modulusBits = 2_048;
/** Beyond it a check would cost more than who presents a signature should cause. */
const modulusBitsMax = 4_096;
const uploadBytesMax = 16_384;

export interface MadeKey {
  /** SubjectPublicKeyInfo in DER, base64. */
  readonly publicKey: string;
  /** PKCS#8 in DER; the caller wipes it. */
  readonly pkcs8: Buffer;
}

/** A new RSA key of 2048 bits. */
export async function makeKeyPair(): Promise<MadeKey> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: modulusBits });
  return {
    publicKey: spkiOf(publicKey),
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }),
  };
}

export interface UploadedKey {
  readonly publicKey: string;
  /** Of a certificate. */
  readonly validAfterMs?: number;
  readonly validBeforeMs?: number;
}

/**
 * The public key in an X.509 certificate or a SubjectPublicKeyInfo, PEM.
 *
 * @throws RpcError INVALID_ARGUMENT for what is neither, or no RSA key of 2048 to 4096 bits
 */
export function readUploadedKey(pem: Uint8Array): UploadedKey {
  const text = pem.length > uploadBytesMax ? '' : Buffer.from(pem).toString('latin1');
  const parsed = parsePem(text);
  if (parsed === null) {
    throw keyError('public_key_data must be an X.509 certificate or a public key, in PEM.');
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = parsed.key;
  const bits = details?.modulusLength ?? 0;
  const exponent = details?.publicExponent ?? 0n;
  const isFit = bits >= modulusBits && bits <= modulusBitsMax && exponent <= 0xffff_ffffn;
  if (type !== 'rsa' || !isFit) {
    throw keyError('public_key_data must hold an RSA key of 2048 to 4096 bits.');
  }
  return { publicKey: spkiOf(parsed.key), ...parsed.validity };
}

interface ParsedPem {
  readonly key: KeyObject;
  readonly validity: { readonly validAfterMs?: number; readonly validBeforeMs?: number };
}

function parsePem(text: string): ParsedPem | null {
  // A private key would be taken too, and its owner is to learn that it was sent.
  if (text.includes('PRIVATE KEY')) {
    throw keyError('public_key_data holds a private key: keep it, and send the public half.');
  }
  try {
    if (!text.includes('BEGIN CERTIFICATE')) return { key: createPublicKey(text), validity: {} };
    const certificate = new X509Certificate(text);
    const validAfterMs = certificate.validFromDate.getTime();
    const validBeforeMs = certificate.validToDate.getTime();
    return { key: certificate.publicKey, validity: { validAfterMs, validBeforeMs } };
  } catch {
    return null;
  }
}

function spkiOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

function keyError(text: string): RpcError {
  return new RpcError('INVALID_ARGUMENT', 'ACCOUNT_KEY_INVALID', text, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'public_key_data', description: text }],
      },
    ],
  });
}
