import type { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';

/** What was refused is refused so long without another call. */
const keptMs = 1_000;
const keptMax = 10_000;

interface Kept {
  readonly error: RpcError;
  readonly untilMs: number;
}

/**
 * The last refusal of each key, for a second: a key that its owner took away must not turn each use
 * of the many that try into a call of the external key manager.
 */
export class KeptRefusals {
  readonly #clock: Clock;
  /** Oldest first: all are kept for the same time. */
  readonly #kept: Map<string, Kept> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  find(key: string): RpcError | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    if (this.#clock.monotonicMs() < kept.untilMs) return kept.error;
    this.#kept.delete(key);
    return null;
  }

  keep(key: string, error: RpcError): void {
    const nowMs = this.#clock.monotonicMs();
    this.#kept.delete(key);
    this.#kept.set(key, { error, untilMs: nowMs + keptMs });
    for (const [oldest, { untilMs }] of this.#kept) {
      if (untilMs > nowMs && this.#kept.size <= keptMax) return;
      this.#kept.delete(oldest);
    }
  }
}
