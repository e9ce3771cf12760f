import { backoffMs, type Clock } from '../runtime/index.ts';
import { breakerFailuresMax, breakerOpenMs, breakersMax } from './remote-limits.ts';

/** Failures of one key since its last success. */
interface Trouble {
  failures: number;
  /** How often it was opened since. */
  openings: number;
  /** Monotonic; before it nothing passes. */
  openUntilMs: number;
  /** One call is under way to see whether it works again. */
  isProbing: boolean;
}

/** What came of a call that was let through. */
export type CallVerdict =
  /** There was an answer, whatever it said. */
  | 'answered'
  | 'failed'
  /** It ended without telling anything: its caller went away. */
  | 'abandoned';

/**
 * Circuit breakers, one to each key: a key whose external manager hangs must not stop the others.
 *
 * After so many failures in a row calls are refused at once, for a time that grows; then one call
 * is let through to probe, and its outcome decides. Keys without trouble take no memory.
 */
export class CircuitBreakers {
  readonly #clock: Clock;
  readonly #onOpenCount: (count: number) => void;
  readonly #troubles = new Map<string, Trouble>();
  #openCount = 0;

  constructor(clock: Clock, onOpenCount: (count: number) => void) {
    this.#clock = clock;
    this.#onOpenCount = onOpenCount;
  }

  /** Whether a call for `key` may be made now; if so, `settle` is to be called once it ended. */
  admits(key: string): boolean {
    const trouble = this.#troubles.get(key);
    if (trouble === undefined || trouble.openings === 0) return true;
    if (trouble.isProbing || this.#clock.monotonicMs() < trouble.openUntilMs) return false;
    trouble.isProbing = true;
    return true;
  }

  settle(key: string, verdict: CallVerdict): void {
    if (verdict === 'answered') this.#forget(key);
    else if (verdict === 'failed') this.#fail(key);
    else this.#abandon(key);
  }

  /** The service was heard of: every key may be asked for again. */
  reset(): void {
    for (const key of this.#troubles.keys()) this.#forget(key);
  }

  #fail(key: string): void {
    const trouble = this.#troubles.get(key) ?? fresh();
    this.#troubles.set(key, trouble);
    this.#forgetOldest();
    trouble.failures++;
    // Of calls that were under way together, only the first opens it; the others are no news.
    const isNews = trouble.isProbing || trouble.openings === 0;
    trouble.isProbing = false;
    if (trouble.failures < breakerFailuresMax || !isNews) return;
    if (trouble.openings++ === 0) this.#countOpen(1);
    trouble.openUntilMs = this.#clock.monotonicMs() + backoffMs(breakerOpenMs, trouble.openings);
  }

  #abandon(key: string): void {
    const trouble = this.#troubles.get(key);
    if (trouble) trouble.isProbing = false;
  }

  #forgetOldest(): void {
    if (this.#troubles.size <= breakersMax) return;
    const [oldest] = this.#troubles.keys();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(key: string): void {
    const trouble = this.#troubles.get(key);
    this.#troubles.delete(key);
    if (trouble !== undefined && trouble.openings > 0) this.#countOpen(-1);
  }

  #countOpen(change: 1 | -1): void {
    this.#openCount += change;
    this.#onOpenCount(this.#openCount);
  }
}

const fresh = (): Trouble => ({ failures: 0, openings: 0, openUntilMs: 0, isProbing: false });
