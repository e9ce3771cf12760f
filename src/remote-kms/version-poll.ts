import { create } from '@bufbuild/protobuf';

import type { KeyChange } from '../kms/index.ts';
import { CryptoKeyVersion_CryptoKeyVersionState as State } from '../proto/google/cloud/kms/v1/resources_pb.ts';
import {
  GetCryptoKeyVersionRequestSchema,
  KeyManagementService,
} from '../proto/google/cloud/kms/v1/service_pb.ts';
import { RpcError } from '../rpc/index.ts';
import type { Cancel, Clock, Logger } from '../runtime/index.ts';
import type { KmsChannel } from './kms-channel.ts';
import { callDeadlineMs, pollIntervalMs, polledVersionsMax, pollUseMs } from './remote-limits.ts';

export interface VersionPollOptions {
  readonly channel: Pick<KmsChannel, 'unary'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: (change: KeyChange) => void;
}

interface PolledVersion {
  lastUseMs: number;
  /** As it was seen last; undefined until then. */
  isEnabled: boolean | undefined;
}

/**
 * An early warning for key services that do not push: looks every half minute at the versions that
 * wrap keys now, and tells of each that was disabled, destroyed or enabled since the last look.
 *
 * A credential that may not look (`cloudkms.cryptoKeyVersions.get`) is no loss of safety: cached
 * keys then live to their next unwrap.
 */
export class VersionPoll {
  readonly #options: VersionPollOptions;
  readonly #versions = new Map<string, PolledVersion>();
  #next: Cancel | undefined;
  #wasRefused = false;

  constructor(options: VersionPollOptions) {
    this.#options = options;
  }

  /** A version that has just wrapped a key. */
  used(versionName: string): void {
    const known = this.#versions.get(versionName);
    this.#versions.delete(versionName);
    const lastUseMs = this.#options.clock.monotonicMs();
    this.#versions.set(versionName, { isEnabled: known?.isEnabled, lastUseMs });
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > polledVersionsMax) this.#versions.delete(oldest!);
  }

  start(): void {
    this.#next ??= this.#after(pollIntervalMs);
  }

  stop(): void {
    this.#next?.();
    this.#next = undefined;
  }

  #after(ms: number): Cancel {
    const { clock } = this.#options;
    return clock.schedule(clock.monotonicMs() + ms, () => void this.#round());
  }

  async #round(): Promise<void> {
    const startMs = this.#options.clock.monotonicMs();
    for (const [name, version] of this.#versions) {
      if (startMs - version.lastUseMs > pollUseMs) this.#versions.delete(name);
    }
    await Promise.all([...this.#versions].map(([name, version]) => this.#look(name, version)));
    if (this.#next !== undefined) this.#next = this.#after(pollIntervalMs);
  }

  async #look(name: string, version: PolledVersion): Promise<void> {
    const isEnabled = await this.#isEnabled(name);
    if (isEnabled === undefined) return;
    const isNews = version.isEnabled !== undefined && version.isEnabled !== isEnabled;
    // The first look is compared with the use that came before it: that one worked.
    const isLost = version.isEnabled === undefined && !isEnabled;
    version.isEnabled = isEnabled;
    if (!isNews && !isLost) return;
    const [resource = name] = name.split('/cryptoKeyVersions/');
    this.#options.onChange({ kind: 'versionState', resource });
  }

  /** Undefined if it could not be found out. */
  async #isEnabled(name: string): Promise<boolean | undefined> {
    const { getCryptoKeyVersion } = KeyManagementService.method;
    try {
      const request = create(GetCryptoKeyVersionRequestSchema, { name });
      const headers = { 'x-goog-request-params': `name=${encodeURIComponent(name)}` };
      const { channel } = this.#options;
      const answer = await channel.unary(getCryptoKeyVersion, request, callDeadlineMs, headers);
      return answer.state === State.ENABLED;
    } catch (thrown) {
      const { code } = RpcError.from(thrown);
      if (code === 'NOT_FOUND') return false;
      if (code === 'PERMISSION_DENIED') this.#tellRefused(name);
      return undefined;
    }
  }

  #tellRefused(name: string): void {
    if (this.#wasRefused) return;
    this.#wasRefused = true;
    this.#options.log.warn(
      { version: name },
      'the key service does not let us look at versions (cloudkms.cryptoKeyVersions.get): a key ' +
        'that is disabled is noticed when a cached key is next unwrapped',
    );
  }
}
