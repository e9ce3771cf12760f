import { hash } from 'node:crypto';

import type { Principal } from '../../iam/index.ts';
import type { Clock } from '../../runtime/index.ts';

interface Entry {
  readonly principal: Principal;
  /** Of the wall clock: the credential's end. */
  readonly endsAtMs: number;
  /** Of the monotonic clock: when it is checked anew. */
  readonly checkAtMs: number;
}

/** A key that its issuer took back is noticed so late at most. */
const freshMs = 300_000;

/**
 * Credentials that were found good, by the SHA-256 of their text: the text itself is not kept. What
 * was used longest ago goes first. Whether an account or key is still there is asked at each use.
 */
export class VerifiedCache {
  readonly #clock: Clock;
  readonly #entriesMax: number;
  /** Least recently used first. */
  readonly #entries: Map<string, Entry> = new Map();

  constructor(clock: Clock, entriesMax: number) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined if it was never seen, has ended, was revoked, or is due to be checked anew. */
  find(digest: string): Principal | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    this.#entries.delete(digest);
    if (!this.#isGood(entry)) return undefined;
    this.#entries.set(digest, entry);
    return entry.principal;
  }

  keep(digest: string, principal: Principal): void {
    const checkAtMs = this.#clock.monotonicMs() + freshMs;
    this.#entries.delete(digest);
    this.#entries.set(digest, { principal, endsAtMs: principal.expiresAtMs, checkAtMs });
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest!);
  }

  #isGood({ principal, endsAtMs, checkAtMs }: Entry): boolean {
    const isDue = this.#clock.monotonicMs() >= checkAtMs;
    return !isDue && this.#clock.wallMs() < endsAtMs && principal.isValid();
  }
}

/** Of a credential, by what it was shown as: a certificate is no token of the same bytes. */
export function digestOf(kind: 'text' | 'certificate', credential: string | Uint8Array): string {
  return kind + hash('sha256', credential, 'base64');
}
