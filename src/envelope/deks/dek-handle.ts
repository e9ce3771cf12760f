import type { AeadKey, SegmentCipher, SuiteId } from '../../crypto/index.ts';
import { assert, type Clock } from '../../runtime/index.ts';
import type { Dek } from '../dek.ts';
import { capLeadFraction, type DekCaps } from './dek-limits.ts';

/**
 * What a DEK has sealed, towards its caps. Outlives the handles of one DEK, so that a DEK that was
 * idle for a while does not start from zero; a new process does.
 */
export class DekTally {
  readonly #caps: DekCaps;
  readonly #onNearCap: () => void;
  #segmentCount = 0;
  #byteCount = 0;
  #wasNearCap = false;

  /** `onNearCap` is called once, in the call of `add` that comes near a cap. */
  constructor(caps: DekCaps, onNearCap: () => void) {
    this.#caps = caps;
    this.#onNearCap = onNearCap;
  }

  add(bytes: number): void {
    this.#segmentCount++;
    this.#byteCount += bytes;
    if (this.#wasNearCap || !this.#isBeyond(capLeadFraction)) return;
    this.#wasNearCap = true;
    this.#onNearCap();
  }

  /** At a cap: it seals nothing more. */
  get isSpent(): boolean {
    return this.#isBeyond(1);
  }

  #isBeyond(fraction: number): boolean {
    const { segments, bytes } = this.#caps;
    return this.#segmentCount >= segments * fraction || this.#byteCount >= bytes * fraction;
  }
}

/** What a handle is made of. */
export interface DekHandleParts {
  readonly version: number;
  /** Owned by the handle from then on. */
  readonly key: AeadKey;
  readonly tally: DekTally;
  readonly diesAtMs: number;
}

/**
 * An unwrapped DEK. Its time is checked against the clock on every use, not by a timer alone: a
 * timer that runs late must not lengthen the life of a key.
 */
export class DekHandle implements Dek {
  readonly version: number;
  readonly suite: SuiteId;
  readonly tally: DekTally;
  readonly #key: AeadKey;
  readonly #clock: Clock;
  readonly #mourners = new Set<() => void>();
  #diesAtMs: number;
  #lastUseMs = -Infinity;
  #isDestroyed = false;

  constructor(parts: DekHandleParts, clock: Clock) {
    this.version = parts.version;
    this.suite = parts.key.suite;
    this.tally = parts.tally;
    this.#key = parts.key;
    this.#clock = clock;
    this.#diesAtMs = parts.diesAtMs;
  }

  get isAlive(): boolean {
    return !this.#isDestroyed && this.#clock.monotonicMs() < this.#diesAtMs;
  }

  get diesAtMs(): number {
    return this.#diesAtMs;
  }

  /** When it was last handed out warm, monotonic; -Infinity if never. */
  get lastUseMs(): number {
    return this.#lastUseMs;
  }

  segment(id: Uint8Array): SegmentCipher {
    assert(this.isAlive, 'a DEK was used after it was revoked, expired or destroyed');
    return this.#key.segment(id);
  }

  account(bytes: number): void {
    this.tally.add(bytes);
  }

  onDeath(dispose: () => void): () => void {
    // A function of its own, so that taking one back takes back no other of the same `dispose`.
    const mourner = (): void => dispose();
    if (this.isAlive) this.#mourners.add(mourner);
    else mourner();
    return () => void this.#mourners.delete(mourner);
  }

  /** Notes a use; false, with nothing noted, if it is dead. */
  use(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#isDestroyed || nowMs >= this.#diesAtMs) return false;
    this.#lastUseMs = nowMs;
    return true;
  }

  /** The key service confirmed the key: lives until `diesAtMs`. */
  extend(diesAtMs: number): void {
    this.#diesAtMs = diesAtMs;
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#key.destroy();
    for (const mourner of this.#mourners) mourner();
    this.#mourners.clear();
  }
}
