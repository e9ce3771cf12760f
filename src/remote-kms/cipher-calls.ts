import { create } from '@bufbuild/protobuf';

import { crc32c, wipe } from '../crypto/index.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
} from '../kms/index.ts';
import {
  DecryptRequestSchema,
  EncryptRequestSchema,
  KeyManagementService,
} from '../proto/google/cloud/kms/v1/service_pb.ts';
import { RpcError } from '../rpc/index.ts';
import { CorruptionError } from './call-attempts.ts';
import { readAnswerHeaders } from './headers/answer-headers.ts';
import { callerHeaders } from './headers/caller-headers.ts';
import type { HeaderOf, KmsChannel } from './kms-channel.ts';

const { encrypt, decrypt } = KeyManagementService.method;

/**
 * Encrypt, once, with checksums both ways (cloudkms.v1 EncryptRequest: "discard the response and
 * perform a limited number of retries").
 *
 * @throws RpcError as the service answered; CorruptionError if a checksum was not confirmed
 */
export async function encryptOnce(
  channel: KmsChannel,
  request: EncryptRequest,
  caller: KeyCaller,
  timeoutMs: number,
): Promise<EncryptResponse> {
  const { name, plaintext, additionalAuthenticatedData } = request;
  const message = create(EncryptRequestSchema, {
    name,
    plaintext,
    additionalAuthenticatedData,
    plaintextCrc32c: checksum(plaintext),
    additionalAuthenticatedDataCrc32c: checksum(additionalAuthenticatedData),
  });
  const headers = callerHeaders(caller, name);
  const answer = await checkedAsk(channel.unary(encrypt, message, timeoutMs, headers));
  if (!answer.verifiedPlaintextCrc32c || !answer.verifiedAdditionalAuthenticatedDataCrc32c) {
    throw new CorruptionError('it did not confirm the checksums of the request.');
  }
  if (answer.ciphertextCrc32c !== checksum(answer.ciphertext)) {
    throw new CorruptionError('the ciphertext is not what its checksum says.');
  }
  if (answer.name !== name && !answer.name.startsWith(`${name}/cryptoKeyVersions/`)) {
    throw new CorruptionError('it names another key than was asked for.');
  }
  return { name: answer.name, ciphertext: Uint8Array.from(answer.ciphertext) };
}

/**
 * Decrypt, once, as `encryptOnce`. Cloud KMS does not say which version it used: the answer's name
 * is the key's then.
 */
export async function decryptOnce(
  channel: KmsChannel,
  request: DecryptRequest,
  caller: KeyCaller,
  timeoutMs: number,
): Promise<DecryptResponse> {
  const { name, ciphertext, additionalAuthenticatedData } = request;
  const message = create(DecryptRequestSchema, {
    name,
    ciphertext,
    additionalAuthenticatedData,
    ciphertextCrc32c: checksum(ciphertext),
    additionalAuthenticatedDataCrc32c: checksum(additionalAuthenticatedData),
  });
  const headers = callerHeaders(caller, name);
  let header: HeaderOf = saysNothing;
  const hear = (told: HeaderOf): void => {
    header = told;
  };
  const answer = await checkedAsk(channel.unary(decrypt, message, timeoutMs, headers, hear));
  try {
    if (answer.plaintextCrc32c !== checksum(answer.plaintext)) {
      throw new CorruptionError('the plaintext is not what its checksum says.');
    }
    const said = readAnswerHeaders(header, name);
    return { ...said, plaintext: Uint8Array.from(answer.plaintext) };
  } finally {
    wipe(answer.plaintext);
  }
}

const saysNothing: HeaderOf = () => undefined;

const checksum = (bytes: Uint8Array): bigint => BigInt(crc32c(bytes));

/** A request that arrived damaged is refused as a bad argument, which is not about the key. */
async function checkedAsk<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const isDamaged =
      error instanceof RpcError &&
      error.code === 'INVALID_ARGUMENT' &&
      /checksum|crc32c/i.test(error.message);
    if (isDamaged) throw new CorruptionError('the request did not match its checksums.');
    throw error;
  }
}
