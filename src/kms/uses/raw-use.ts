import { rawBlockBytes, wipe } from '../../crypto/index.ts';
import { assert, draw } from '../../runtime/index.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import type {
  RawDecryptRequest,
  RawEncryptRequest,
  RawEncryptResponse,
} from '../key-administration.ts';
import type { KeyCaller } from '../key-service.ts';
import { argumentError, ciphertextError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { requireAccess } from '../operation-access.ts';
import { keyAlgorithms } from '../providers/key-algorithms.ts';
import type { ProtectionLevel, RawKeyProvider, VersionUse } from '../providers/key-provider.ts';
import { rawProviderOf } from '../providers/key-providers.ts';
import { requireInputLengths, requireNamedVersion, takeQuota } from './usable-version.ts';

type Mode = 'GCM' | 'CBC' | 'CTR';

/** Bytes of an initialization vector: what GCM is used with, and a block. */
const ivBytes: Readonly<Record<Mode, number>> = { GCM: 12, CBC: rawBlockBytes, CTR: rawBlockBytes };
const tagBytesDefault = 16;
/** Shorter tags of GCM are refused (SP 800-38D, 5.2.1.2). */
const tagBytesMin = 12;
/** CBC and CTR authenticate nothing: Cloud KMS asks for a permission of their own beside. */
const modePermissions: Readonly<Record<Mode, string | null>> = {
  GCM: null,
  CBC: 'cloudkms.cryptoKeyVersions.manageRawAesCbcKeys',
  CTR: 'cloudkms.cryptoKeyVersions.manageRawAesCtrKeys',
};
const ivField = 'initialization_vector';

/** RawEncrypt and RawDecrypt: plain AES, as any library speaks it. */
export class RawUses {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError INVALID_ARGUMENT for vectors, associated data and lengths of another mode */
  encrypt(request: RawEncryptRequest, caller: KeyCaller): Promise<RawEncryptResponse> {
    const { name, plaintext, additionalAuthenticatedData: aad } = request;
    const call = keyOperation('RawEncrypt', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      const { use, level, mode, provider } = await this.#ready('RawEncrypt', name, aad, caller, {
        plaintext,
      });
      requireBlocks(mode, 'plaintext', plaintext);
      const iv = this.#vectorFor(mode, request.initializationVector);
      const tagBytes = mode === 'GCM' ? tagBytesDefault : 0;
      await takeQuota(this.#context, use, { protectionLevel: level });
      const ciphertext = await provider.rawEncrypt(use, { plaintext, aad, iv, tagBytes });
      return { name, ciphertext, initializationVector: iv, tagBytes, protectionLevel: level };
    });
  }

  /** @throws RpcError INVALID_ARGUMENT also for a ciphertext that does not authenticate */
  decrypt(
    request: RawDecryptRequest,
    caller: KeyCaller,
  ): Promise<{ readonly plaintext: Uint8Array; readonly protectionLevel: ProtectionLevel }> {
    const { name, ciphertext, additionalAuthenticatedData: aad } = request;
    const call = keyOperation('RawDecrypt', name, caller, { request: { name } });
    const run = async (): Promise<{ plaintext: Uint8Array; protectionLevel: ProtectionLevel }> => {
      const { use, level, mode, provider } = await this.#ready('RawDecrypt', name, aad, caller, {});
      const tagBytes = tagBytesOf(mode, request.tagBytes);
      const longest = { ...provider, inputBytesMax: provider.inputBytesMax + tagBytes };
      requireInputLengths(longest, { ciphertext, additional_authenticated_data: aad });
      requireBlocks(mode, 'ciphertext', ciphertext);
      const iv = requireVector(mode, request.initializationVector);
      await takeQuota(this.#context, use, { protectionLevel: level });
      const plaintext = await provider.rawDecrypt(use, { ciphertext, aad, iv, tagBytes });
      if (plaintext === null) throw ciphertextError();
      return { plaintext, protectionLevel: level };
    };
    return audited(this.#context, call, run, ({ plaintext }) => wipe(plaintext));
  }

  async #ready(
    operation: 'RawEncrypt' | 'RawDecrypt',
    name: string,
    aad: Uint8Array,
    caller: KeyCaller,
    inputs: Readonly<Record<string, Uint8Array>>,
  ): Promise<{
    readonly use: VersionUse;
    readonly level: ProtectionLevel;
    readonly mode: Mode;
    readonly provider: RawKeyProvider;
  }> {
    const asked = { operation, purpose: 'RAW_ENCRYPT_DECRYPT', caller } as const;
    const { use, version } = await requireNamedVersion(this.#context, name, asked);
    const level = version.protectionLevel;
    const { mode } = keyAlgorithms[use.algorithm];
    assert(mode !== undefined, 'a raw version has a mode');
    const permission = modePermissions[mode];
    if (permission !== null) {
      await requireAccess(this.#context, { resource: name, permission, caller });
    }
    if (mode !== 'GCM' && aad.length > 0) {
      const field = 'additional_authenticated_data';
      throw argumentError(field, `Request field ${field} must be empty for AES-${mode}.`);
    }
    const provider = rawProviderOf(this.#context.providers, level);
    requireInputLengths(provider, { ...inputs, additional_authenticated_data: aad });
    return { use, level, mode, provider };
  }

  #vectorFor(mode: Mode, given: Uint8Array): Uint8Array {
    if (given.length === 0) return draw(this.#context.entropy, ivBytes[mode]);
    if (mode === 'GCM') {
      const message = `Request field ${ivField} must be empty for AES-GCM: it is generated.`;
      throw argumentError(ivField, message);
    }
    return requireVector(mode, given);
  }
}

function requireVector(mode: Mode, given: Uint8Array): Uint8Array {
  if (given.length === ivBytes[mode]) return given;
  throw argumentError(
    ivField,
    `Request field ${ivField} must have length ${ivBytes[mode]} for AES-${mode}. ` +
      `Provided value had length ${given.length}.`,
  );
}

function tagBytesOf(mode: Mode, given: number): number {
  if (mode !== 'GCM') {
    if (given === 0) return 0;
    throw argumentError('tag_length', `Request field tag_length must be 0 for AES-${mode}.`);
  }
  if (given === 0) return tagBytesDefault;
  if (Number.isInteger(given) && given >= tagBytesMin && given <= tagBytesDefault) return given;
  throw argumentError(
    'tag_length',
    `Request field tag_length must be between ${tagBytesMin} and ${tagBytesDefault} for AES-GCM.`,
  );
}

function requireBlocks(mode: Mode, field: string, bytes: Uint8Array): void {
  if (mode !== 'CBC' || bytes.length % rawBlockBytes === 0) return;
  throw argumentError(
    field,
    `Request field ${field} must be a multiple of ${rawBlockBytes} bytes for AES-CBC, which does ` +
      `not pad. Provided value had length ${bytes.length}.`,
  );
}
