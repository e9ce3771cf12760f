import {
  aesKeyType,
  attributes,
  genericSecretKeyType,
  mechanisms,
  secretKeyClass,
} from './constants.ts';
import type { Cryptoki } from './cryptoki.ts';
import { mechanism, readUlong, template, ulongArray, ulongCell } from './native-record.ts';
import { Pkcs11Error } from './pkcs11-error.ts';
import type { NewTokenKey } from './token-request.ts';

/** Makes a key on the token that can never be read off it. */
export function generateKey(cryptoki: Cryptoki, session: number, key: NewTokenKey): number {
  const isAes = key.kind === 'aes';
  const how = mechanism(isAes ? mechanisms.aesKeyGen : mechanisms.genericSecretKeyGen);
  const uses = isAes
    ? ([attributes.encrypt, attributes.decrypt] as const)
    : ([attributes.sign, attributes.verify] as const);
  const { record, count } = template([
    [attributes.class, secretKeyClass],
    [attributes.keyType, isAes ? aesKeyType : genericSecretKeyType],
    [attributes.valueLength, key.length],
    [attributes.id, key.keyId],
    [attributes.label, new TextEncoder().encode(key.label)],
    [attributes.token, true],
    [attributes.private, true],
    [attributes.sensitive, true],
    [attributes.extractable, false],
    [attributes.modifiable, false],
    [uses[0], true],
    [uses[1], true],
  ]);
  const handle = ulongCell();
  cryptoki.call('C_GenerateKey', session, how.bytes, record.bytes, count, handle);
  return readUlong(handle);
}

/** Handles of the secret keys with that CKA_ID. */
export function findKeys(cryptoki: Cryptoki, session: number, keyId: Uint8Array): number[] {
  const { record, count } = template([
    [attributes.class, secretKeyClass],
    [attributes.id, keyId],
  ]);
  cryptoki.call('C_FindObjectsInit', session, record.bytes, count);
  try {
    const handles = ulongArray(2);
    const found = ulongCell();
    cryptoki.call('C_FindObjects', session, handles, 2, found);
    return Array.from({ length: readUlong(found) }, (_, index) => readUlong(handles, index));
  } finally {
    cryptoki.call('C_FindObjectsFinal', session);
  }
}

/** The handle of the one key with that CKA_ID. */
export function requireKey(cryptoki: Cryptoki, session: number, keyId: Uint8Array): number {
  const [handle, another] = findKeys(cryptoki, session, keyId);
  const id = Buffer.from(keyId).toString('hex');
  if (handle === undefined) {
    throw new Pkcs11Error('missingKey', `The PKCS#11 token holds no key with CKA_ID ${id}.`);
  }
  if (another === undefined) return handle;
  const text = `The PKCS#11 token holds several keys with CKA_ID ${id}.`;
  throw new Pkcs11Error('configuration', text);
}
