import type { KeyService } from '../../../src/kms/index.ts';
import { RpcError } from '../../../src/rpc/index.ts';
import type { Clock } from '../../../src/runtime/index.ts';
import type { MemoryStore, Store } from '../../../src/storage/index.ts';
import { SeededEntropy } from '../../support/seeded-entropy.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/**
 * What goes on around a broker while it works: which refusals are to be expected. An operation asks
 * for a Forecast when it begins; whatever is or becomes true until its answer excuses a refusal.
 */
export class Weather {
  readonly #now = new Set<string>();
  readonly #open = new Set<Forecast>();

  begin(condition: string): void {
    this.#now.add(condition);
    for (const forecast of this.#open) forecast.seen.add(condition);
  }

  end(condition: string): void {
    this.#now.delete(condition);
  }

  has(condition: string): boolean {
    return this.#now.has(condition);
  }

  forecast(): Forecast {
    const forecast = new Forecast(this.#now, () => this.#open.delete(forecast));
    this.#open.add(forecast);
    return forecast;
  }

  /** The process is gone: nothing that was asked is answered. */
  crash(): void {
    this.#open.clear();
  }
}

const storageReasons = ['DISK_FULL', 'DISK_READ_ONLY', 'STORAGE_UNAVAILABLE', 'CONCURRENT_CHANGE'];

export class Forecast {
  readonly seen: Set<string>;
  readonly #over: () => void;

  constructor(now: Iterable<string>, over: () => void) {
    this.seen = new Set(now);
    this.#over = over;
  }

  over(): void {
    this.#over();
  }

  /** Whether the disk may have failed this operation, and left it half done. */
  isOfStorage(error: unknown): boolean {
    const { reason } = RpcError.from(error);
    return this.seen.has('storage') && storageReasons.includes(reason);
  }

  /** Throws the error on unless something that went on explains it. */
  excuse(error: unknown, ...conditions: readonly (readonly [string, string])[]): void {
    if (this.isOfStorage(error)) return;
    const { code, reason } = RpcError.from(error);
    if (this.seen.has('keys') && reason === 'KMS_UNREACHABLE') return;
    const isKnown = conditions.some(([condition, of]) => this.seen.has(condition) && of === code);
    if (!isKnown) throw error;
  }
}

const turns = new VirtualClock();

/** A key service that may be away: calls are refused as a dead connection refuses them. */
export class DistantKeys {
  isAway = false;

  wrap(inner: KeyService): KeyService {
    const there = <Request, Answer>(
      call: (...given: Request[]) => Promise<Answer>,
    ): ((...given: Request[]) => Promise<Answer>) => {
      return async (...given) => {
        if (this.isAway)
          throw new RpcError('UNAVAILABLE', 'KMS_UNREACHABLE', 'The key service is away.');
        return await call(...given);
      };
    };
    return new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...given: unknown[]) => Promise<unknown>;
        return name === 'encrypt' || name === 'decrypt' ? there(call) : call;
      },
    });
  }
}

/** A disk that takes a few turns of the event loop for each commit and read, never the same number. */
export class SlowDisk {
  readonly #dice: SeededEntropy;
  readonly #turnsMax: number;
  #clock: Clock = turns;
  #life = 0;
  /** Of the last commit that ended, and of the one before it if that was still under way then. */
  #sinceMs = 0;
  #lastEndedMs = 0;
  #lastBeganMs = 0;

  constructor(seed: number) {
    this.#dice = new SeededEntropy(seed);
    this.#turnsMax = this.#dice.below(3) === 0 ? 12 : 1;
  }

  connect(clock: Clock): void {
    this.#clock = clock;
  }

  /** What was just answered may have waited since then. */
  get writingSinceMs(): number {
    return this.#sinceMs;
  }

  /** What the process had asked for and had not begun never happens. */
  crash(): void {
    this.#life++;
  }

  wrap(disk: MemoryStore): Store {
    return new Proxy<Store>(disk, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...given: unknown[]) => unknown;
        if (typeof name === 'symbol' || slowCalls[name] !== true) return call;
        return async (...given: unknown[]) => {
          const beganMs = this.#clock.monotonicMs();
          await this.#wait();
          const answer = await call(...given);
          await this.#wait();
          if (name === 'commit') this.#committed(beganMs);
          return answer;
        };
      },
    });
  }

  #committed(beganMs: number): void {
    const wasBusy = this.#lastEndedMs >= beganMs;
    this.#sinceMs = wasBusy ? Math.min(beganMs, this.#lastBeganMs) : beganMs;
    this.#lastBeganMs = beganMs;
    this.#lastEndedMs = this.#clock.monotonicMs();
  }

  async #wait(): Promise<void> {
    const life = this.#life;
    await turns.settle(this.#dice.below(this.#turnsMax));
    if (life !== this.#life) await new Promise(() => undefined);
  }
}

const slowCalls: Readonly<Record<string, boolean>> = {
  commit: true,
  read: true,
  locate: true,
  trim: true,
};
