import { openRecord, sealRecord, wipe } from '../../src/crypto/index.ts';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from '../../src/kms/index.ts';
import { draw, type Entropy } from '../../src/runtime/index.ts';
import { RpcError, type StatusCode } from '../../src/rpc/index.ts';
import { SeededEntropy } from './seeded-entropy.ts';

export interface KeyCall {
  readonly operation: 'encrypt' | 'decrypt';
  readonly name: string;
  readonly caller: KeyCaller;
}

type Failure = Exclude<StatusCode, 'OK'> | 'hang' | null;

interface ScriptedKey {
  readonly versions: { readonly bytes: Uint8Array; isEnabled: boolean }[];
}

/**
 * A key service for fault injection: it really encrypts, counts its calls, and fails as a test
 * tells it. Keys come into being when first named.
 */
export class ScriptedKeyService implements KeyService {
  readonly defaultKeyName: string = 'projects/sealpost/locations/global/keyRings/r/cryptoKeys/own';
  readonly calls: KeyCall[] = [];
  /** Answers of every call from now on, while set. */
  failure: { encrypt: Failure; decrypt: Failure } = { encrypt: null, decrypt: null };
  /** Called when a call comes in, before anything is looked at. */
  before: (call: KeyCall) => Promise<void> | void = () => undefined;
  /** Called when the answer of a call stands, to hold it up on its way back. */
  after: (call: KeyCall) => Promise<void> | void = () => undefined;
  /** Decrypt returns other bytes than were encrypted. */
  returnsOtherBytes = false;
  /** How long the owner of the keys lets plaintexts be kept; null: it does not say. */
  cacheMs: number | null = null;
  /** Every plaintext that was handed in, to look for it where it must not be. */
  readonly seenPlaintexts: Uint8Array[] = [];
  readonly #entropy: Entropy = new SeededEntropy(4);
  readonly #keys = new Map<string, ScriptedKey>();
  readonly #listeners = new Set<(change: KeyChange) => void>();

  count(operation: KeyCall['operation']): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  fail(failure: Failure): void {
    this.failure = { encrypt: failure, decrypt: failure };
  }

  /** Enables or disables versions (all, or the one given), and says so. */
  setEnabled(name: string, isEnabled: boolean, version?: number): void {
    const { versions } = this.#key(name);
    for (const [index, entry] of versions.entries()) {
      if (version === undefined || version === index + 1) entry.isEnabled = isEnabled;
    }
    this.announce({ resource: name, kind: 'versionState' });
  }

  /** A new primary version. */
  rotate(name: string): void {
    this.#key(name).versions.push({ bytes: draw(this.#entropy, 32), isEnabled: true });
    this.announce({ resource: name, kind: 'primary' });
  }

  announce(change: KeyChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  async encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    const call = { operation: 'encrypt' as const, name: request.name, caller };
    await this.#enter(call);
    this.seenPlaintexts.push(request.plaintext.slice());
    const [keyName = '', named] = request.name.split('/cryptoKeyVersions/');
    const { versions } = this.#key(keyName);
    const version = named === undefined ? versions.length : Number(named);
    const name = this.#enabledName(keyName, version);
    const sealed = sealRecord(
      versions[version - 1]!.bytes,
      request.additionalAuthenticatedData,
      request.plaintext,
      this.#entropy,
    );
    const ciphertext = Uint8Array.of(version, ...sealed);
    await this.after(call);
    return { name, ciphertext };
  }

  async decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    const call = { operation: 'decrypt' as const, name: request.name, caller };
    await this.#enter(call);
    const version = request.ciphertext[0] ?? 0;
    const key = this.#key(request.name).versions[version - 1];
    const context = request.additionalAuthenticatedData;
    const plaintext = key && openRecord(key.bytes, context, request.ciphertext.subarray(1));
    if (!plaintext) {
      const text = 'Decryption failed: the ciphertext is invalid.';
      throw new RpcError('INVALID_ARGUMENT', 'CIPHERTEXT_INVALID', text);
    }
    const name = this.#enabledName(request.name, version);
    if (this.returnsOtherBytes) plaintext[0]! ^= 1;
    await this.after(call);
    return { name, plaintext, ...(this.cacheMs === null ? {} : { cacheMs: this.cacheMs }) };
  }

  async pubsubServiceAgent(projectId: string): Promise<string> {
    return `serviceAccount:service-${projectId}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  }

  async runServiceAgent(projectId: string): Promise<string> {
    return `serviceAccount:service-${projectId}@serverless-robot-prod.iam.gserviceaccount.com`;
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const { versions } of this.#keys.values()) for (const { bytes } of versions) wipe(bytes);
  }

  async #enter(call: KeyCall): Promise<void> {
    this.calls.push(call);
    await this.before(call);
    const failure = this.failure[call.operation];
    if (failure === 'hang') return new Promise<void>(() => undefined);
    if (failure) throw new RpcError(failure, `SCRIPTED_${failure}`, `scripted ${failure}`);
  }

  #key(name: string): ScriptedKey {
    const key = this.#keys.get(name) ?? {
      versions: [{ bytes: draw(this.#entropy, 32), isEnabled: true }],
    };
    this.#keys.set(name, key);
    return key;
  }

  #enabledName(name: string, version: number): string {
    const versionName = `${name}/cryptoKeyVersions/${version}`;
    if (this.#key(name).versions[version - 1]?.isEnabled) return versionName;
    const text = `${versionName} is not enabled, current state is: DISABLED.`;
    const violations = [{ type: 'KEY_DISABLED', subject: versionName }];
    const detail = {
      '@type': 'type.googleapis.com/google.rpc.PreconditionFailure' as const,
      violations,
    };
    throw new RpcError('FAILED_PRECONDITION', 'KEY_VERSION_DISABLED', text, { details: [detail] });
  }
}
