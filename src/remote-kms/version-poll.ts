import type { KeyChange } from '../kms/index.ts';
import type { Cancel, Clock } from '../runtime/index.ts';
import { pollIntervalMs, polledVersionsMax, pollUseMs } from './remote-limits.ts';

/** What a look at a version found. */
export interface VersionLook {
  readonly isEnabled: boolean;
  /** Whether it is the one that wraps new keys; absent: the service does not say. */
  readonly isPrimary?: boolean;
}

export interface VersionPollOptions {
  /** Looks at a CryptoKeyVersion; undefined if it could not be found out. Never rejects. */
  readonly look: (versionName: string) => Promise<VersionLook | undefined>;
  readonly clock: Clock;
  readonly onChange: (change: KeyChange) => void;
}

interface PolledVersion {
  lastUseMs: number;
  /** As it was when it was last seen or used: what wrapped a key was enabled, and primary. */
  seen: VersionLook;
}

/**
 * An early warning for key services that do not push: looks every half minute at the versions that
 * wrap keys now, and tells of each that was disabled, destroyed, enabled or superseded since.
 *
 * A credential that may not look is no loss of safety: cached keys live to their next unwrap.
 */
export class VersionPoll {
  readonly #options: VersionPollOptions;
  readonly #versions = new Map<string, PolledVersion>();
  #next: Cancel | undefined;

  constructor(options: VersionPollOptions) {
    this.#options = options;
  }

  /** A version that has just wrapped a key. */
  used(versionName: string): void {
    this.#versions.delete(versionName);
    const lastUseMs = this.#options.clock.monotonicMs();
    const seen = { isEnabled: true, isPrimary: true };
    this.#versions.set(versionName, { lastUseMs, seen });
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
    const mine = this.#next;
    for (const [name, version] of this.#versions) {
      if (startMs - version.lastUseMs > pollUseMs) this.#versions.delete(name);
    }
    await Promise.all([...this.#versions].map(([name, version]) => this.#compare(name, version)));
    // Else it was stopped meanwhile, or started anew with rounds of its own.
    if (mine !== undefined && this.#next === mine) this.#next = this.#after(pollIntervalMs);
  }

  async #compare(name: string, version: PolledVersion): Promise<void> {
    const look = await this.#options.look(name);
    if (look === undefined) return;
    const { seen } = version;
    version.seen = look;
    const [resource = name] = name.split('/cryptoKeyVersions/');
    const tell = (kind: KeyChange['kind']): void => this.#options.onChange({ kind, resource });
    if (look.isEnabled !== seen.isEnabled) tell('versionState');
    if (seen.isPrimary === true && look.isPrimary === false) tell('primary');
  }
}
