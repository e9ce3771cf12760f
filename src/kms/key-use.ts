import { associatedData, equalBytes, openRecord, sealRecord } from '../crypto/index.ts';
import {
  type CiphertextParts,
  ciphertextHeader,
  joinCiphertext,
  splitCiphertext,
} from './ciphertext.ts';
import { requireKeyUse } from './iam/key-access.ts';
import { fromBase64, withVersionKey } from './key-material.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
} from './key-service.ts';
import {
  argumentError,
  ciphertextError,
  lengthError,
  noPrimaryError,
  notEnabledError,
  wrongKeyError,
} from './kms-error.ts';
import { type KmsContext, observed } from './kms-context.ts';
import { type KmsName, parseKmsName, requireKeyName, versionName } from './names.ts';
import { type VersionRecord, versionRowId, versionTable } from './rows/records.ts';
import { requireCryptoKey, requireVersion } from './rows/stored-keys.ts';

/** Longest plaintext and longest associated data of a SOFTWARE key (cloudkms.v1 EncryptRequest). */
const inputBytesMax: number = 64 * 1024;
/** What Encrypt can return for the longest plaintext, with room to spare. */
const ciphertextBytesMax: number = inputBytesMax + 1024;

/**
 * Encrypt and Decrypt. Rows are read for each call: what a disabled version or a removed binding
 * forbids is forbidden to the next call that starts.
 */
export class KeyUses {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    return observed(this.#context, 'Encrypt', async () => {
      const name = requireEncryptName(request.name);
      requireLength('plaintext', request.plaintext, inputBytesMax);
      requireAssociatedData(request.additionalAuthenticatedData);
      await requireKeyUse(this.#context, name, 'useToEncrypt', caller);
      const key = await requireCryptoKey(this.#context, name.cryptoKey);
      const number = name.version ?? key.record.primary;
      if (number === null) throw noPrimaryError(name.cryptoKey);
      const { record } = await requireVersion(this.#context, name.cryptoKey, number);
      const used = requireEnabled(versionName(name.cryptoKey, number), record);
      const header = ciphertextHeader(key.record.uid, number, record.uid);
      const context = sealContext(used, header, request.additionalAuthenticatedData);
      const sealed = withVersionKey(this.#context, used, record, (bytes) =>
        sealRecord(bytes, context, request.plaintext, this.#context.entropy),
      );
      return { name: used, ciphertext: joinCiphertext(header, sealed) };
    });
  }

  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    return observed(this.#context, 'Decrypt', async () => {
      const name = requireKeyName(request.name);
      requireLength('ciphertext', request.ciphertext, ciphertextBytesMax);
      requireAssociatedData(request.additionalAuthenticatedData);
      await requireKeyUse(this.#context, name, 'useToDecrypt', caller);
      const key = await requireCryptoKey(this.#context, name.cryptoKey);
      const parts = splitCiphertext(request.ciphertext);
      if (parts === null) throw ciphertextError();
      if (!equalBytes(parts.keyUid, fromBase64(key.record.uid))) throw wrongKeyError();
      const record = await this.#versionOf(name.cryptoKey, parts);
      const used = requireEnabled(versionName(name.cryptoKey, parts.version), record);
      const context = sealContext(used, parts.header, request.additionalAuthenticatedData);
      const plaintext = withVersionKey(this.#context, used, record, (bytes) =>
        openRecord(bytes, context, parts.sealed),
      );
      if (plaintext === null) throw ciphertextError();
      return { name: used, plaintext };
    });
  }

  /** The version that the ciphertext names; one that never was makes the ciphertext invalid. */
  async #versionOf(cryptoKey: string, parts: CiphertextParts): Promise<VersionRecord> {
    const row = await this.#context.rows.get(versionTable, versionRowId(cryptoKey, parts.version));
    const isKnown = row !== null && equalBytes(parts.versionUid, fromBase64(row.record.uid));
    if (!isKnown) throw ciphertextError();
    return row.record;
  }
}

function requireEncryptName(name: string): KmsName & { readonly cryptoKey: string } {
  const parsed = parseKmsName(name);
  if (parsed?.cryptoKey !== undefined) return { ...parsed, cryptoKey: parsed.cryptoKey };
  throw argumentError('name', 'Request field name must name a CryptoKey or a CryptoKeyVersion.');
}

function requireAssociatedData(bytes: Uint8Array): void {
  requireLength('additional_authenticated_data', bytes, inputBytesMax);
}

function requireLength(field: string, bytes: Uint8Array, lengthMax: number): void {
  if (bytes.length > lengthMax) throw lengthError(field, lengthMax, bytes.length);
}

function requireEnabled(name: string, version: VersionRecord): string {
  if (version.state !== 'ENABLED') throw notEnabledError(name, version.state);
  return name;
}

function sealContext(version: string, header: Uint8Array, given: Uint8Array): Uint8Array {
  return associatedData(['sealpost/kms/encrypt/v1', version, header, given]);
}
