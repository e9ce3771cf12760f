import type { Clock, Logger } from '../../runtime/index.ts';

/** What is told of credentials that were refused: to the operator alone, never to who showed them. */
export interface RefusedCredential {
  readonly kind: 'API key' | 'token' | 'assertion' | 'certificate' | 'header';
  /** The account or issuer that it names, of which nothing is proven; empty if it names none. */
  readonly claimed: string;
  readonly reason: string;
}

const windowMs = 60_000;
/** Lines a window: clients can make up as many names as they like. */
const linesMax = 20;
const claimedCharactersMax = 200;

/** Logs why credentials were refused: each reason of each claimed name once a minute. */
export class RefusedCredentials {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #told: Set<string> = new Set();
  #windowEndMs = 0;
  #untold = 0;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  add(refused: RefusedCredential): void {
    this.#turn();
    const claimed = refused.claimed.slice(0, claimedCharactersMax);
    const { kind, reason } = refused;
    const line = `${kind} ${reason} ${claimed}`;
    if (this.#told.has(line) || this.#told.size >= linesMax) {
      this.#untold++;
      return;
    }
    this.#told.add(line);
    this.#log.info({ kind, claimed, reason }, `credentials were refused: ${reason}`);
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#windowEndMs) return;
    if (this.#untold > 0) {
      this.#log.info({ count: this.#untold }, 'credentials were refused more often than is told');
    }
    this.#told.clear();
    this.#untold = 0;
    this.#windowEndMs = nowMs + windowMs;
  }
}
