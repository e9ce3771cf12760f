import {
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type KeyCaller,
  type KeyChange,
  KeyChanges,
} from '../../kms/index.ts';
import type { OutgoingClient } from '../../outgoing/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import { GuardedCalls } from '../guarded-calls.ts';
import { type RemoteKmsObserver, silentRemoteKmsObserver } from '../observer.ts';
import { callDeadlineMs } from '../remote-limits.ts';
import type { RemoteKeyService } from '../remote-key-service.ts';
import { TokenFile } from '../token-file.ts';
import { VersionPoll, type VersionLook } from '../version-poll.ts';
import { TransitClient, type TransitKey } from './transit-client.ts';
import { versionIn, versionNameOf } from './transit-name.ts';

export interface TransitKeyServiceOptions {
  /** `https://HOST:PORT/MOUNT`. */
  readonly url: string;
  readonly outgoing: OutgoingClient;
  readonly tokenFile?: string | null;
  readonly defaultKeyName?: string | null;
  /** For a call with all its tries; 1 second unless given. */
  readonly deadlineMs?: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer?: RemoteKmsObserver;
}

/** Types whose ciphertexts bind associated data; with others it would be passed over in silence. */
const aeadTypes: ReadonlySet<string> = new Set([
  'aes128-gcm96',
  'aes256-gcm96',
  'chacha20-poly1305',
  'xchacha20-poly1305',
]);

const text = new TextDecoder('latin1');

/** The KeyService port over the Transit engine of a HashiCorp Vault or OpenBao. */
export function openTransitKeyService(options: TransitKeyServiceOptions): RemoteKeyService {
  const service = new TransitKeyService(options);
  service.start();
  return service;
}

class TransitKeyService implements RemoteKeyService {
  readonly defaultKeyName: string;
  readonly #clock: Clock;
  readonly #client: TransitClient;
  readonly #observer: RemoteKmsObserver;
  readonly #calls: GuardedCalls;
  readonly #listeners: KeyChanges;
  readonly #poll: VersionPoll;

  constructor(options: TransitKeyServiceOptions) {
    const { url, outgoing, tokenFile = null, clock, entropy, log } = options;
    this.#clock = clock;
    this.defaultKeyName = options.defaultKeyName ?? '';
    const token = tokenFile === null ? null : new TokenFile(tokenFile);
    this.#client = new TransitClient({ url, outgoing, token });
    this.#observer = options.observer ?? silentRemoteKmsObserver;
    const { deadlineMs = callDeadlineMs } = options;
    this.#calls = new GuardedCalls({ clock, entropy, observer: this.#observer, deadlineMs });
    this.#listeners = new KeyChanges(log);
    const look = (name: string): Promise<VersionLook | undefined> => this.#look(name);
    this.#poll = new VersionPoll({ look, clock, onChange: (change) => this.#changed(change) });
  }

  start(): void {
    this.#observer.watch('polled');
    this.#poll.start();
  }

  /** Looks at the key first: transit would make one that is missing, whose name was mistyped. */
  async encrypt(request: EncryptRequest, _caller: KeyCaller): Promise<EncryptResponse> {
    const { name, plaintext, additionalAuthenticatedData: associatedData } = request;
    const answer = await this.#calls.run('Encrypt', name, async (timeoutMs) => {
      const endMs = this.#clock.monotonicMs() + timeoutMs;
      requireAead(name, await this.#client.key(name, timeoutMs));
      const leftMs = endMs - this.#clock.monotonicMs();
      return await this.#client.encrypt(name, { plaintext, associatedData }, leftMs);
    });
    const versionName = versionNameOf(name, answer.version);
    this.#poll.used(versionName);
    return { name: versionName, ciphertext: new TextEncoder().encode(answer.ciphertext) };
  }

  async decrypt(request: DecryptRequest, _caller: KeyCaller): Promise<DecryptResponse> {
    const { name, additionalAuthenticatedData: associatedData } = request;
    const ciphertext = text.decode(request.ciphertext);
    const version = versionIn(ciphertext);
    if (version === null) {
      const message = 'Decryption failed: the ciphertext is invalid.';
      throw new RpcError('INVALID_ARGUMENT', 'CIPHERTEXT_INVALID', message);
    }
    const plaintext = await this.#calls.run('Decrypt', name, (timeoutMs) =>
      this.#client.decrypt(name, { ciphertext, associatedData }, timeoutMs),
    );
    return { name: versionNameOf(name, version), plaintext };
  }

  /** Transit knows no service agents: the token's policies say what may be done. */
  async pubsubServiceAgent(projectId: string): Promise<string> {
    return `serviceAccount:service-${projectId}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  }

  async runServiceAgent(projectId: string): Promise<string> {
    return `serviceAccount:service-${projectId}@serverless-robot-prod.iam.gserviceaccount.com`;
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    return this.#listeners.listen(listener);
  }

  /** Transit keeps no account of what depends on a key. */
  reportUses(): void {}

  async drain(): Promise<void> {
    this.#poll.stop();
    await this.#calls.drain();
  }

  async #look(versionName: string): Promise<VersionLook | undefined> {
    const [cryptoKey = '', version] = versionName.split('/cryptoKeyVersions/');
    try {
      const key = await this.#client.key(cryptoKey, callDeadlineMs);
      const isEnabled = !key.isDeleted && Number(version) >= key.decryptionVersionMin;
      return { isEnabled, isPrimary: key.latestVersion === Number(version) };
    } catch (error) {
      const { code } = RpcError.from(error);
      // Whoever wrapped with it could see it: now it is gone, or the token may not any more.
      const isLost = code === 'NOT_FOUND' || code === 'PERMISSION_DENIED';
      return isLost ? { isEnabled: false } : undefined;
    }
  }

  #changed(change: KeyChange): void {
    this.#observer.change(change.kind);
    this.#listeners.announce(change);
  }
}

function requireAead(name: string, { type, isDerived }: TransitKey): void {
  if (aeadTypes.has(type) && !isDerived) return;
  throw new RpcError(
    'FAILED_PRECONDITION',
    'TRANSIT_KEY_UNSUITABLE',
    `${name} is a transit key of type ${type}${isDerived ? ', derived' : ''}: topics need one of ` +
      `${[...aeadTypes].join(', ')} that is not derived.`,
  );
}
