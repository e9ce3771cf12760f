import { crc32c } from '../crypto/index.ts';
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
