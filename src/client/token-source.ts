import type { Settings } from './options.ts';
import { tokenLifetimeMs } from './token-lifetime.ts';

/** Of a token's lifetime, when the next one is asked for. */
const renewalShare = 0.8;
/** Of what is left of it, when it is asked for again. */
const retryShare = 0.25;
/** With less left the end of the token is soon enough. */
const leftMsMin = 1_000;
/** More would overflow a timer of browsers and Node, which then fires at once. */
const timerMsMax = 2 ** 31 - 1;

/** Gets tokens, waits for none of them for ever, and replaces one before it ends. */
export class TokenSource {
  readonly #settings: Settings;
  readonly #cancelWaits = new Set<() => void>();
  /** The last one, and when it was seen first: who gives it may have kept it a while. */
  #token = '';
  #sinceMs = 0;
  /** Of the token that is in use. */
  #endMs = 0;
  #renewed: ((token: string) => void) | undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Rejects with what the user's function failed with, or when it takes too long. */
  async get(): Promise<string> {
    const token = await this.#inTime(this.#settings.token());
    if (token !== this.#token) {
      this.#token = token;
      this.#sinceMs = this.#settings.environment.nowMs();
    }
    return token;
  }

  /**
   * Calls `renewed` once, with the next token, before the last one ends; never if that does not say
   * when it ends, or if there is no other.
   */
  renew(renewed: (token: string) => void): void {
    this.cancelRenewal();
    const { hasFreshTokens, environment } = this.#settings;
    const lifetimeMs = hasFreshTokens ? tokenLifetimeMs(this.#token) : undefined;
    if (lifetimeMs === undefined) return;
    this.#endMs = this.#sinceMs + lifetimeMs;
    this.#renewed = renewed;
    this.#renewIn(this.#sinceMs + lifetimeMs * renewalShare - environment.nowMs());
  }

  cancelRenewal(): void {
    this.#renewed = undefined;
    this.#cancelTimer();
  }

  /** Nobody waits for a token any more. */
  close(): void {
    this.cancelRenewal();
    for (const cancel of this.#cancelWaits) cancel();
    this.#cancelWaits.clear();
  }

  #renewIn(delayMs: number): void {
    const { environment } = this.#settings;
    const before = this.#token;
    const renewed = this.#renewed;
    const again = (): void => {
      const leftMs = this.#endMs - environment.nowMs();
      if (renewed === this.#renewed && leftMs >= leftMsMin) this.#renewIn(leftMs * retryShare);
    };
    this.#cancelTimer = environment.schedule(Math.min(Math.max(delayMs, 0), timerMsMax), () => {
      this.get().then((fresh) => {
        if (fresh === before) again();
        else if (renewed === this.#renewed) renewed?.(fresh);
      }, again);
    });
  }

  #inTime(token: Promise<string>): Promise<string> {
    const { environment, connectTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      const cancel = environment.schedule(connectTimeoutMs, () => {
        this.#cancelWaits.delete(cancel);
        reject(new Error(`none came within ${connectTimeoutMs} ms`));
      });
      this.#cancelWaits.add(cancel);
      const settled = (): void => {
        cancel();
        this.#cancelWaits.delete(cancel);
      };
      token.then(resolve, reject).finally(settled);
    });
  }
}
