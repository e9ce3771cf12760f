import { draw, type Cancel, type Clock, type Entropy } from '../../../runtime/index.ts';

/** Clients drop a stream that says nothing for 15 s after a ping; so long is none silent. */
export const silenceMsMax = 12_000;

/** Production's streams live for up to about 30 minutes; not all of a client's end at once. */
export const lifeMsMin: number = 25 * 60_000;
export const lifeMsMax: number = 30 * 60_000;

export interface StreamLifeOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Whether the client understands responses that it did not ask for: protocol_version 1. */
  readonly isKeptAlive: boolean;
  /** Nothing was sent for `silenceMsMax`. */
  readonly onSilence: () => void;
  readonly onOver: () => void;
}

/** The timers of one streaming pull: signs of life, and its end. */
export class StreamLife {
  readonly #options: StreamLifeOptions;
  readonly #cancelOver: Cancel;
  #cancelSilence: Cancel | undefined;
  #sentMs: number;

  constructor(options: StreamLifeOptions) {
    const { clock, entropy } = options;
    this.#options = options;
    const nowMs = clock.monotonicMs();
    this.#sentMs = nowMs;
    const lifeMs = lifeMsMin + fraction(entropy) * (lifeMsMax - lifeMsMin);
    this.#cancelOver = clock.schedule(nowMs + lifeMs, options.onOver);
    if (options.isKeptAlive) this.#watchSilence();
  }

  /** Something was sent: a sign of life as good as any. */
  sent(): void {
    this.#sentMs = this.#options.clock.monotonicMs();
  }

  stop(): void {
    this.#cancelOver();
    this.#cancelSilence?.();
  }

  #watchSilence(): void {
    const { clock, onSilence } = this.#options;
    this.#cancelSilence = clock.schedule(this.#sentMs + silenceMsMax, () => {
      if (clock.monotonicMs() - this.#sentMs >= silenceMsMax) {
        this.sent();
        onSilence();
      }
      this.#watchSilence();
    });
  }
}

/** 0 to 1, without 1. */
function fraction(entropy: Entropy): number {
  const [high = 0, low = 0] = draw(entropy, 2);
  return (high * 256 + low) / 65_536;
}
