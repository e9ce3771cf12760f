import { crc32c, wipe } from '../crypto/index.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyService,
} from './key-service.ts';
import { argumentError } from './kms-error.ts';

/** The CRC-32C of bytes, as an int64 carries it. */
export function checksumOf(bytes: Uint8Array): bigint {
  return BigInt(crc32c(bytes));
}

/**
 * Whether `bytes` were compared with a CRC-32C that came along; without one there is nothing to
 * compare. `field` is the proto's name of the bytes.
 *
 * @throws RpcError INVALID_ARGUMENT, with Cloud KMS's sentence, if it does not fit
 */
export function verifyChecksum(
  field: string,
  bytes: Uint8Array,
  given: bigint | undefined,
): boolean {
  if (given === undefined) return false;
  if (given === checksumOf(bytes)) return true;
  const message = `The checksum in field ${field}_crc32c did not match the data in field ${field}.`;
  throw argumentError(`${field}_crc32c`, message);
}

/** CRC-32C values, 0 .. 2^32 - 1, that a caller sent along; absent ones are not checked. */
export interface EncryptChecksums {
  readonly plaintext?: number;
  readonly additionalAuthenticatedData?: number;
}

export interface DecryptChecksums {
  readonly ciphertext?: number;
  readonly additionalAuthenticatedData?: number;
}

export interface CheckedEncryptResponse extends EncryptResponse {
  readonly ciphertextCrc32c: number;
  readonly verifiedPlaintextCrc32c: boolean;
  readonly verifiedAdditionalAuthenticatedDataCrc32c: boolean;
}

export interface CheckedDecryptResponse extends DecryptResponse {
  readonly plaintextCrc32c: number;
  /** Whether the version that was used is the key's primary one. */
  readonly usedPrimary: boolean;
}

/**
 * Encrypt for a caller across a wire: what it sent is compared with its checksums first.
 *
 * @throws RpcError INVALID_ARGUMENT, with Cloud KMS's sentence, if a checksum does not fit
 */
export async function encryptChecked(
  service: KeyService,
  request: EncryptRequest,
  checksums: EncryptChecksums,
  caller: KeyCaller,
): Promise<CheckedEncryptResponse> {
  const { plaintext, additionalAuthenticatedData } = request;
  const aadChecksum = checksums.additionalAuthenticatedData;
  requireChecksum('plaintext', plaintext, checksums.plaintext);
  requireChecksum('additional_authenticated_data', additionalAuthenticatedData, aadChecksum);
  const response = await service.encrypt(request, caller);
  return {
    ...response,
    ciphertextCrc32c: crc32c(response.ciphertext),
    verifiedPlaintextCrc32c: checksums.plaintext !== undefined,
    verifiedAdditionalAuthenticatedDataCrc32c: aadChecksum !== undefined,
  };
}

/**
 * Decrypt for a caller across a wire.
 *
 * @throws RpcError INVALID_ARGUMENT if a checksum does not fit
 */
export async function decryptChecked(
  service: KeyService & PrimaryVersions,
  request: DecryptRequest,
  checksums: DecryptChecksums,
  caller: KeyCaller,
): Promise<CheckedDecryptResponse> {
  const { ciphertext, additionalAuthenticatedData } = request;
  const aadChecksum = checksums.additionalAuthenticatedData;
  requireChecksum('ciphertext', ciphertext, checksums.ciphertext);
  requireChecksum('additional_authenticated_data', additionalAuthenticatedData, aadChecksum);
  const response = await service.decrypt(request, caller);
  try {
    const { primary } = await service.cryptoKeys.get(request.name);
    return {
      ...response,
      plaintextCrc32c: crc32c(response.plaintext),
      usedPrimary: primary?.name === response.name,
    };
  } catch (error) {
    wipe(response.plaintext);
    throw error;
  }
}

/** What tells which version is primary; the embedded service does. */
export interface PrimaryVersions {
  readonly cryptoKeys: {
    get(name: string): Promise<{ readonly primary?: { readonly name: string } }>;
  };
}

function requireChecksum(field: string, bytes: Uint8Array, given: number | undefined): void {
  if (given === undefined || crc32c(bytes) === given) return;
  const message = `The checksum in field ${field}_crc32c did not match the data in field ${field}.`;
  throw argumentError(`${field}_crc32c`, message);
}
