import type { Clock } from '../../runtime/index.ts';

const underWayMax = 16;

/**
 * Lets a few reads of the store go on at once and looks at the event loop in between: after a
 * restart every subscription wants its first segment in the same moment.
 */
export class ReadGate {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.#underWay >= underWayMax) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#underWay++;
    try {
      return await read();
    } finally {
      this.#underWay--;
      const next = this.#waiting.shift();
      if (next !== undefined) this.#clock.soon(next);
    }
  }
}
