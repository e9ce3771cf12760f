import { SystemClock } from '../src/runtime/index.ts';

/** What a closed loop of requests saw in its measured seconds. */
export interface LoopResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly completedCount: number;
  /** Requests that failed, warm-up included. */
  readonly failedCount: number;
  /** The first failure's text, if any. */
  readonly failure?: string;
}

export interface LoopOptions {
  readonly inFlight: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Stop after this many completions, whatever the time. */
  readonly requestsMax?: number;
}

/** Starts one request; `done` is called once, with an error or nothing. */
export type Request = (done: (error: Error | null) => void) => void;

const clock = new SystemClock();

/**
 * Keeps `inFlight` requests under way, throws the warm-up away, measures, and lets what is still
 * under way finish. Each completion starts the next request, as a busy set of callers would.
 */
export function closedLoop(options: LoopOptions, request: Request): Promise<LoopResult> {
  return new Promise((resolve) => {
    new ClosedLoop(options, request, resolve).start();
  });
}

class ClosedLoop {
  readonly #options: LoopOptions;
  readonly #request: Request;
  readonly #resolve: (result: LoopResult) => void;
  readonly #latencies: number[] = [];
  readonly #measureFromMs: number;
  readonly #endMs: number;
  #firstMs = 0;
  #lastMs = 0;
  #underWay = 0;
  #startedCount = 0;
  #failedCount = 0;
  #failure: string | undefined;

  constructor(options: LoopOptions, request: Request, resolve: (result: LoopResult) => void) {
    this.#options = options;
    this.#request = request;
    this.#resolve = resolve;
    this.#measureFromMs = clock.monotonicMs() + options.warmupSeconds * 1000;
    this.#endMs = this.#measureFromMs + options.seconds * 1000;
  }

  start(): void {
    this.#firstMs = this.#measureFromMs;
    for (let n = 0; n < this.#options.inFlight; n++) this.#next();
  }

  #next(): void {
    const startMs = clock.monotonicMs();
    if (startMs >= this.#endMs || this.#startedCount >= (this.#options.requestsMax ?? Infinity)) {
      if (this.#underWay === 0) this.#finish();
      return;
    }
    this.#startedCount++;
    this.#underWay++;
    this.#request((error) => {
      this.#underWay--;
      this.#completed(startMs, error);
      this.#next();
    });
  }

  #completed(startMs: number, error: Error | null): void {
    const nowMs = clock.monotonicMs();
    if (error) {
      this.#failedCount++;
      this.#failure ??= error.message;
      // A server that refuses everything must not turn the loop into a spin of failures.
      if (this.#failedCount >= 1000) this.#startedCount = Infinity;
      return;
    }
    if (nowMs < this.#measureFromMs || nowMs > this.#endMs) return;
    this.#lastMs = nowMs;
    this.#latencies.push(nowMs - startMs);
  }

  #finish(): void {
    const sorted = Float64Array.from(this.#latencies).toSorted();
    const bounded = this.#options.requestsMax !== undefined;
    const spanMs = bounded ? this.#lastMs - this.#firstMs : this.#options.seconds * 1000;
    this.#resolve({
      perSecond: (sorted.length / spanMs) * 1000,
      p50Ms: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
      completedCount: sorted.length,
      failedCount: this.#failedCount,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    });
  }
}

/** Nearest rank; NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
