/** Grants so many uses a second, and after a pause as many at once, or more if it is larger. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #size: number;
  /** Below zero: what was borrowed. */
  #tokens: number;
  #filledMs: number;

  /** `nowMs` is monotonic, here and in what follows. `size`: what it holds after a long pause. */
  constructor(perSecond: number, nowMs: number, size: number = perSecond) {
    this.#perSecond = perSecond;
    this.#size = size;
    this.#tokens = size;
    this.#filledMs = nowMs;
  }

  /** Takes one token; false if there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes what was used already, though it may be more than there is. */
  borrow(count: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  /** Until nothing is borrowed any more; 0 if nothing is. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / this.#perSecond);
  }

  /** Until `take` has a token; 0 if there is one. */
  tokenMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1_000) / this.#perSecond);
  }

  /** It is as it was when it was made. */
  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens === this.#size;
  }

  #fill(nowMs: number): void {
    const added = ((nowMs - this.#filledMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#size, this.#tokens + added);
    this.#filledMs = nowMs;
  }
}

/** Buckets by name. Full ones are as good as new: they are forgotten when there are many. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #keptMax: number;
  readonly #size: number;
  readonly #buckets: Map<string, TokenBucket> = new Map();

  /** `size`: of each of them. */
  constructor(perSecond: number, keptMax: number = 1_000, size: number = perSecond) {
    this.#perSecond = perSecond;
    this.#keptMax = keptMax;
    this.#size = size;
  }

  get size(): number {
    return this.#buckets.size;
  }

  of(name: string, nowMs: number): TokenBucket {
    const found = this.#buckets.get(name);
    if (found !== undefined) return found;
    if (this.#buckets.size >= this.#keptMax) this.#forgetFull(nowMs);
    const bucket = new TokenBucket(this.#perSecond, nowMs, this.#size);
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #forgetFull(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (bucket.isFull(nowMs)) this.#buckets.delete(name);
    }
  }
}
