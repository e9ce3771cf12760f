import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { DekEvent } from '../dek.ts';
import { drawnDelayMs, propagationLimitsMs } from './propagation-limits.ts';

/**
 * How far one topic is behind what was done to its key, in the time of Google's service: another
 * key seals after up to half an hour, and publishing comes back later than delivery.
 */
export class TopicLag {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  /** The key that seals; null: nothing was sealed yet. */
  #chosen: string | null = null;
  #next: { readonly keyName: string; readonly atMs: number } | null = null;
  #refusal: RpcError | null = null;
  #publishesAtMs = -Infinity;

  constructor(clock: Clock, entropy: Entropy) {
    this.#clock = clock;
    this.#entropy = entropy;
  }

  /** Whether `chosen` needs to be told what sealed before. */
  get isNew(): boolean {
    return this.#chosen === null;
  }

  /** The key that wrapped the newest stored DEK; absent: there is none. */
  begin(keyName: string | undefined): void {
    this.#chosen ??= keyName ?? null;
  }

  /** The key to seal under while the topic names `keyName`. */
  keyFor(keyName: string): string {
    const nowMs = this.#clock.monotonicMs();
    if (this.#chosen === null || keyName === this.#chosen) {
      this.#chosen = keyName;
      this.#next = null;
      return keyName;
    }
    if (this.#next?.keyName !== keyName) {
      const delayMs = drawnDelayMs(this.#entropy, propagationLimitsMs.keyChoice);
      this.#next = { keyName, atMs: nowMs + delayMs };
    }
    if (nowMs < this.#next.atMs) return this.#chosen;
    this.#chosen = keyName;
    this.#next = null;
    return keyName;
  }

  /** What was answered to somebody who wanted to seal. */
  refused(error: unknown): void {
    this.#refusal = RpcError.from(error);
  }

  told(kind: DekEvent['kind']): void {
    if (kind === 'revoked' || this.#refusal === null) return;
    const { publish, delivery } = propagationLimitsMs;
    const delayMs = drawnDelayMs(this.#entropy, publish - delivery);
    this.#publishesAtMs = this.#clock.monotonicMs() + delayMs;
  }

  /** Throws the last refusal while publishing is not back. */
  checkPublish(): void {
    if (this.#clock.monotonicMs() >= this.#publishesAtMs) return;
    if (this.#refusal !== null) throw this.#refusal;
  }
}
