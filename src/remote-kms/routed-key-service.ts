import {
  serviceMember,
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type KeyCaller,
  type KeyChange,
  type KeyService,
} from '../kms/index.ts';

export interface KeyRoutes {
  /** Holds its default key and nothing else that is used. */
  readonly local: KeyService;
  readonly remote: KeyService;
  /** A remote key for topics that name none; null: the local service's own. */
  readonly defaultKeyName: string | null;
}

/** Each key is asked for where it is: the service's own here, every other one at the remote service. */
export class RoutedKeyService implements KeyService {
  readonly defaultKeyName: string;
  readonly #local: KeyService;
  readonly #remote: KeyService;

  constructor({ local, remote, defaultKeyName }: KeyRoutes) {
    this.#local = local;
    this.#remote = remote;
    this.defaultKeyName = defaultKeyName ?? local.defaultKeyName;
  }

  encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse> {
    return this.#serviceFor(request.name).encrypt(request, caller);
  }

  /**
   * What the own key wrapped before another became the default stays readable: it was, and is, the
   * service's, whichever topic asks.
   */
  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse> {
    const wasDefault =
      request.name === this.#local.defaultKeyName && request.name !== this.defaultKeyName;
    const asked = wasDefault ? { ...caller, member: serviceMember } : caller;
    return this.#serviceFor(request.name).decrypt(request, asked);
  }

  pubsubServiceAgent(projectId: string): Promise<string> {
    return this.#remote.pubsubServiceAgent(projectId);
  }

  runServiceAgent(projectId: string): Promise<string> {
    return this.#remote.runServiceAgent(projectId);
  }

  onChange(listener: (change: KeyChange) => void): () => void {
    const stops = [this.#local.onChange(listener), this.#remote.onChange(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  #serviceFor(keyName: string): KeyService {
    return keyName === this.#local.defaultKeyName ? this.#local : this.#remote;
  }
}
