import { associatedData, equalBytes, wipe } from '../../crypto/index.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import { fromBase64 } from '../base64.ts';
import {
  type CiphertextParts,
  ciphertextHeader,
  joinCiphertext,
  splitCiphertext,
} from '../ciphertext.ts';
import type { DecryptAnswer, EncryptAnswer } from '../key-administration.ts';
import type { DecryptRequest, EncryptRequest, KeyCaller } from '../key-service.ts';
import {
  argumentError,
  ciphertextError,
  lengthError,
  noPrimaryError,
  wrongKeyError,
} from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { type KmsName, parseKmsName, requireKeyName } from '../names.ts';
import { providerOf } from '../providers/key-providers.ts';
import { type VersionRecord, versionRowId, versionTable } from '../rows/records.ts';
import { requireCryptoKey, requireVersion } from '../rows/stored-keys.ts';
import { requireInputLengths, requireUsable, takeQuota } from './usable-version.ts';

/** What Encrypt can return for the longest plaintext, an external manager's wrapping included. */
const ciphertextBytesMax: number = 128 * 1024;
const inputBytesMax: number = 64 * 1024;

/**
 * Encrypt and Decrypt. Rows are read for each call: what a disabled version or a removed binding
 * forbids is forbidden to the next call that starts.
 */
export class KeyUses {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptAnswer> {
    const call = keyOperation('Encrypt', request.name, caller, { request: { name: request.name } });
    return audited(this.#context, call, async (trail) => {
      const name = requireEncryptName(request.name);
      const key = await requireCryptoKey(this.#context, name.cryptoKey);
      const number = name.version ?? key.record.primary;
      if (number === null) throw noPrimaryError(name.cryptoKey);
      const { record } = await requireVersion(this.#context, name.cryptoKey, number);
      const asked = { operation: 'Encrypt', purpose: 'ENCRYPT_DECRYPT', caller } as const;
      const use = requireUsable(key, number, record, asked);
      const { plaintext, additionalAuthenticatedData: given } = request;
      const provider = providerOf(this.#context.providers, record.protectionLevel);
      requireInputLengths(provider, { plaintext, additional_authenticated_data: given });
      await takeQuota(this.#context, use, record);
      const header = ciphertextHeader(key.record.uid, number, record.uid);
      const sealed = await provider.seal(use, plaintext, associatedData([header, given]));
      trail.respond({ name: use.name });
      return {
        name: use.name,
        ciphertext: joinCiphertext(header, sealed),
        protectionLevel: record.protectionLevel,
      };
    });
  }

  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptAnswer> {
    const call = keyOperation('Decrypt', request.name, caller, { request: { name: request.name } });
    const run = async (): Promise<DecryptAnswer> => {
      const { cryptoKey } = requireKeyName(request.name);
      const { ciphertext, additionalAuthenticatedData: given } = request;
      requireLength('ciphertext', ciphertext, ciphertextBytesMax);
      requireLength('additional_authenticated_data', given, inputBytesMax);
      const key = await requireCryptoKey(this.#context, cryptoKey);
      const parts = splitCiphertext(ciphertext);
      if (parts === null) throw ciphertextError();
      if (!equalBytes(parts.keyUid, fromBase64(key.record.uid))) throw wrongKeyError();
      const record = await this.#versionOf(cryptoKey, parts);
      const asked = { operation: 'Decrypt', purpose: 'ENCRYPT_DECRYPT', caller } as const;
      const use = requireUsable(key, parts.version, record, asked);
      const provider = providerOf(this.#context.providers, record.protectionLevel);
      await takeQuota(this.#context, use, record);
      const bound = associatedData([parts.header, given]);
      const unsealed = await provider.unseal(use, parts.sealed, bound);
      if (unsealed === null) throw ciphertextError();
      return {
        ...unsealed,
        name: use.name,
        usedPrimary: key.record.primary === parts.version,
        protectionLevel: record.protectionLevel,
      };
    };
    return audited(
      this.#context,
      call,
      async (trail) => {
        const answer = await run();
        trail.respond({ name: answer.name });
        return answer;
      },
      ({ plaintext }) => wipe(plaintext),
    );
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

function requireLength(field: string, bytes: Uint8Array, lengthMax: number): void {
  if (bytes.length > lengthMax) throw lengthError(field, lengthMax, bytes.length);
}
