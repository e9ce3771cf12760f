/** Grants so many uses a second, and after a pause as many at once. */
export class TokenBucket {
  readonly #perSecond: number;
  /** Below zero: what was borrowed. */
  #tokens: number;
  #filledMs: number;

  /** `nowMs` is monotonic, here and in what follows. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
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

  /** It is as it was when it was made. */
  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens === this.#perSecond;
  }

  #fill(nowMs: number): void {
    const added = ((nowMs - this.#filledMs) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + added);
    this.#filledMs = nowMs;
  }
}

/** Buckets by name. Full ones are as good as new: they are forgotten when there are many. */
export class TokenBuckets {
  readonly #perSecond: number;
  readonly #keptMax: number;
  readonly #buckets: Map<string, TokenBucket> = new Map();

  constructor(perSecond: number, keptMax: number = 1_000) {
    this.#perSecond = perSecond;
    this.#keptMax = keptMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  of(name: string, nowMs: number): TokenBucket {
    const found = this.#buckets.get(name);
    if (found !== undefined) return found;
    if (this.#buckets.size >= this.#keptMax) this.#forgetFull(nowMs);
    const bucket = new TokenBucket(this.#perSecond, nowMs);
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #forgetFull(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (bucket.isFull(nowMs)) this.#buckets.delete(name);
    }
  }
}
