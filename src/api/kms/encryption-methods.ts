import { create } from '@bufbuild/protobuf';

import { checksumOf, verifyChecksum, type KeyAdministration } from '../../kms/index.ts';
import {
  DecryptResponseSchema,
  EncryptResponseSchema,
  KeyManagementService,
  RawDecryptResponseSchema,
  RawEncryptResponseSchema,
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type RawDecryptRequest,
  type RawDecryptResponse,
  type RawEncryptRequest,
  type RawEncryptResponse,
} from '../../proto/google/cloud/kms/v1/service_pb.ts';
import { answerHeaders } from '../../remote-kms/index.ts';
import { method, type ApiCall, type ApiMethod } from '../method.ts';
import { keyCaller } from './key-caller.ts';
import { levelValue } from './key-messages.ts';

const service = KeyManagementService.method;

/**
 * Encrypt, Decrypt and their raw forms of google.cloud.kms.v1.KeyManagementService. What came is
 * compared with its CRC-32C before it is used, and what goes has its own.
 */
export function encryptionMethods(keys: KeyAdministration): ApiMethod[] {
  return [
    method(service.encrypt, (request, call) => encrypt(keys, request, call)),
    method(service.decrypt, (request, call) => decrypt(keys, request, call), wipePlaintext),
    method(service.rawEncrypt, (request, call) => rawEncrypt(keys, request, call)),
    method(service.rawDecrypt, (request, call) => rawDecrypt(keys, request, call), wipePlaintext),
  ];
}

function wipePlaintext({ plaintext }: DecryptResponse | RawDecryptResponse): void {
  plaintext.fill(0);
}

async function encrypt(
  keys: KeyAdministration,
  request: EncryptRequest,
  call: ApiCall,
): Promise<EncryptResponse> {
  const { name, plaintext, additionalAuthenticatedData } = request;
  const verified = {
    verifiedPlaintextCrc32c: verifyChecksum('plaintext', plaintext, request.plaintextCrc32c),
    verifiedAdditionalAuthenticatedDataCrc32c: verifyAssociated(request),
  };
  const asked = { name, plaintext, additionalAuthenticatedData };
  const answer = await keys.encryptAnswer(asked, keyCaller(call));
  return create(EncryptResponseSchema, {
    ...verified,
    name: answer.name,
    ciphertext: answer.ciphertext,
    ciphertextCrc32c: checksumOf(answer.ciphertext),
    protectionLevel: levelValue(answer.protectionLevel),
  });
}

async function decrypt(
  keys: KeyAdministration,
  request: DecryptRequest,
  call: ApiCall,
): Promise<DecryptResponse> {
  const { name, ciphertext, additionalAuthenticatedData } = request;
  verifyChecksum('ciphertext', ciphertext, request.ciphertextCrc32c);
  verifyAssociated(request);
  const asked = { name, ciphertext, additionalAuthenticatedData };
  const answer = await keys.decryptAnswer(asked, keyCaller(call));
  for (const [header, value] of Object.entries(answerHeaders(answer))) call.tell?.(header, value);
  return create(DecryptResponseSchema, {
    plaintext: answer.plaintext,
    plaintextCrc32c: checksumOf(answer.plaintext),
    usedPrimary: answer.usedPrimary,
    protectionLevel: levelValue(answer.protectionLevel),
  });
}

async function rawEncrypt(
  keys: KeyAdministration,
  request: RawEncryptRequest,
  call: ApiCall,
): Promise<RawEncryptResponse> {
  const { name, plaintext, additionalAuthenticatedData, initializationVector } = request;
  const verified = {
    verifiedPlaintextCrc32c: verifyChecksum('plaintext', plaintext, request.plaintextCrc32c),
    verifiedAdditionalAuthenticatedDataCrc32c: verifyAssociated(request),
    verifiedInitializationVectorCrc32c: verifyVector(request),
  };
  const asked = { name, plaintext, additionalAuthenticatedData, initializationVector };
  const answer = await keys.rawEncrypt(asked, keyCaller(call));
  return create(RawEncryptResponseSchema, {
    ...verified,
    name: answer.name,
    ciphertext: answer.ciphertext,
    ciphertextCrc32c: checksumOf(answer.ciphertext),
    initializationVector: answer.initializationVector,
    initializationVectorCrc32c: checksumOf(answer.initializationVector),
    tagLength: answer.tagBytes,
    protectionLevel: levelValue(answer.protectionLevel),
  });
}

async function rawDecrypt(
  keys: KeyAdministration,
  request: RawDecryptRequest,
  call: ApiCall,
): Promise<RawDecryptResponse> {
  const { name, ciphertext, additionalAuthenticatedData, initializationVector } = request;
  const verified = {
    verifiedCiphertextCrc32c: verifyChecksum('ciphertext', ciphertext, request.ciphertextCrc32c),
    verifiedAdditionalAuthenticatedDataCrc32c: verifyAssociated(request),
    verifiedInitializationVectorCrc32c: verifyVector(request),
  };
  const asked = { name, ciphertext, additionalAuthenticatedData, initializationVector };
  const { tagLength: tagBytes } = request;
  const answer = await keys.rawDecrypt({ ...asked, tagBytes }, keyCaller(call));
  return create(RawDecryptResponseSchema, {
    ...verified,
    plaintext: answer.plaintext,
    plaintextCrc32c: checksumOf(answer.plaintext),
    protectionLevel: levelValue(answer.protectionLevel),
  });
}

function verifyAssociated(
  request: EncryptRequest | DecryptRequest | RawEncryptRequest | RawDecryptRequest,
): boolean {
  const { additionalAuthenticatedData, additionalAuthenticatedDataCrc32c } = request;
  return verifyChecksum(
    'additional_authenticated_data',
    additionalAuthenticatedData,
    additionalAuthenticatedDataCrc32c,
  );
}

function verifyVector(request: RawEncryptRequest | RawDecryptRequest): boolean {
  const { initializationVector, initializationVectorCrc32c } = request;
  return verifyChecksum('initialization_vector', initializationVector, initializationVectorCrc32c);
}
