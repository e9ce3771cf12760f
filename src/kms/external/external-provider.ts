import { associatedData, equalBytes, wipe } from '../../crypto/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';
import { argumentError, unimplementedError } from '../kms-error.ts';
import type {
  KeyProvider,
  Material,
  ProvidedVersion,
  Unsealed,
  VersionUse,
} from '../providers/key-provider.ts';
import {
  type DeniedListener,
  EkmClient,
  type EkmClientOptions,
  type EkmQuestion,
} from './ekm-client.ts';
import { ekmError, type EkmErrorDomain, type EkmMethod } from './ekm-error.ts';
import { cacheMsOf, requestBody } from './ekm-message.ts';
import { parseKeyUri } from './key-uri.ts';

export interface ExternalProviderOptions extends EkmClientOptions {
  /** Names of the hosts that may hold keys, without ports. */
  readonly hosts: readonly string[];
  readonly entropy: Entropy;
}

/** Keys whose material never comes here: an external key manager wraps and unwraps with them. */
export interface ExternalProvider extends KeyProvider {
  /** Gives what was sealed, or throws: DECRYPTION_FAILED is the manager's own word. */
  unseal(use: VersionUse, sealed: Uint8Array, associatedData: Uint8Array): Promise<Unsealed>;
  /**
   * Who disables a version whose use was denied (EXTERNAL_PERMISSION_DENIED); waited for before the
   * error is thrown.
   */
  onDenied(listener: DeniedListener): void;
}

export function externalProvider(options: ExternalProviderOptions): ExternalProvider {
  return new EkmProvider(options);
}

const inputBytesMax: number = 64 * 1024;
/** A blob may be so long, whatever was wrapped in it: some managers put texts in texts. */
const blobBytesMax: number = 96 * 1024;
/** Of an answer: the blob in base64, and what else there may be. */
const bytesMax: number = Math.ceil(blobBytesMax / 3) * 4 + 4 * 1024;
const sampleBytes = 32;
const uriField = 'crypto_key_version.external_protection_level_options.external_key_uri';

class EkmProvider implements ExternalProvider {
  readonly level = 'EXTERNAL';
  readonly inputBytesMax: number = inputBytesMax;
  readonly limitIsTogether = false;
  readonly #client: EkmClient;
  readonly #hosts: readonly string[];
  readonly #entropy: Entropy;

  constructor(options: ExternalProviderOptions) {
    this.#client = new EkmClient(options);
    this.#hosts = options.hosts;
    this.#entropy = options.entropy;
  }

  onDenied(listener: DeniedListener): void {
    this.#client.onDenied(listener);
  }

  /** Wraps and unwraps random bytes with the key: it must be there, and give back what it got. */
  async generate(
    version: ProvidedVersion,
    external: { readonly uri: string } | null,
  ): Promise<Material> {
    if (external === null || external.uri === '') {
      throw argumentError(uriField, `Request field ${uriField} must be set for EXTERNAL keys.`);
    }
    const use: VersionUse = {
      ...version,
      material: { uri: external.uri },
      reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION',
      isHealthCheck: true,
    };
    const question = this.#question('Encrypt', use, true);
    const sample = draw(this.#entropy, sampleBytes);
    const nothing = new Uint8Array(0);
    const blob = await this.#wrap(question, sample, nothing);
    const opening = { ...question, method: 'Decrypt' as const };
    const { plaintext } = await this.#unwrap(opening, blob, nothing);
    const isSame = equalBytes(plaintext, sample);
    wipe(plaintext);
    if (isSame) return use.material;
    throw faultOf(opening, 'UNEXPECTED_RESPONSE');
  }

  async seal(use: VersionUse, plaintext: Uint8Array, given: Uint8Array): Promise<Uint8Array> {
    return await this.#wrap(this.#question('Encrypt', use, false), plaintext, given);
  }

  async unseal(use: VersionUse, sealed: Uint8Array, given: Uint8Array): Promise<Unsealed> {
    return await this.#unwrap(this.#question('Decrypt', use, false), sealed, given);
  }

  /** The key stays where it is: its owner alone can end it. */
  async destroy(): Promise<void> {}

  async #wrap(
    question: EkmQuestion,
    plaintext: Uint8Array,
    given: Uint8Array,
  ): Promise<Uint8Array> {
    const { uri, use } = question;
    const input = { field: 'plaintext', bytes: plaintext } as const;
    const body = requestBody(uri, use, boundTo(use, given), input);
    const { bytes } = await this.#client.ask(question, body, { member: 'wrappedBlob', bytesMax });
    if (bytes.length > 0 && bytes.length <= blobBytesMax) return bytes;
    throw faultOf(question, 'UNEXPECTED_RESPONSE');
  }

  async #unwrap(question: EkmQuestion, sealed: Uint8Array, given: Uint8Array): Promise<Unsealed> {
    const { uri, use } = question;
    const input = { field: 'wrappedBlob', bytes: sealed } as const;
    const body = requestBody(uri, use, boundTo(use, given), input);
    const wanted = { member: 'plaintext', bytesMax };
    const { bytes, rest } = await this.#client.ask(question, body, wanted);
    const cacheMs = cacheMsOf(rest);
    const isUsable = cacheMs !== null && bytes.length <= inputBytesMax;
    if (isUsable) return { plaintext: bytes, ...(cacheMs !== undefined && { cacheMs }) };
    wipe(bytes);
    throw faultOf(question, 'UNEXPECTED_RESPONSE');
  }

  #question(method: EkmMethod, use: VersionUse, isNew: boolean): EkmQuestion {
    if (use.algorithm !== 'EXTERNAL_SYMMETRIC_ENCRYPTION') {
      throw unimplementedError(`The algorithm ${use.algorithm} for EXTERNAL keys`);
    }
    const text = use.material['uri'] ?? '';
    const uri = parseKeyUri(text);
    const at = { uri: { text }, use, method };
    if (uri === null) throw faultOf(at, 'EXTERNAL_KEY_URI_INVALID');
    if (this.#hosts.includes(uri.hostname)) return { method, uri, use, isNew };
    throw faultOf(at, 'EXTERNAL_KEY_HOST_NOT_WHITELISTED');
  }
}

function faultOf(
  { use, uri, method }: Pick<EkmQuestion, 'use' | 'method'> & { uri: { readonly text: string } },
  domain: EkmErrorDomain,
): RpcError {
  const at = { version: use.name, uri: uri.text, method, state: 'ENABLED' } as const;
  return ekmError({ domain, element: 'key' }, at);
}

/** Binds a blob to its version, so that one of another version or key does not unwrap. */
function boundTo({ name }: VersionUse, given: Uint8Array): Uint8Array {
  return associatedData(['sealpost/kms/external/v1', name, given]);
}
