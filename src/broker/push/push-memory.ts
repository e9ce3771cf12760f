const mebibyte = 1024 * 1024;

/**
 * The bytes of all push bodies that are held at once. Each subscription may have a single message
 * that fits at all, and beside it a quarter of what is still free for others: a dozen slow endpoints
 * cannot take everything.
 */
export class PushMemory {
  readonly #totalMax: number;
  readonly #shareMax: number;
  readonly #waiting = new Set<PushShare>();
  #used = 0;

  constructor(totalMax: number = 64 * mebibyte, shareMax: number = 16 * mebibyte) {
    this.#totalMax = totalMax;
    this.#shareMax = shareMax;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** `wake` is called when something became free after a `fits` that said no. */
  share(wake: () => void): PushShare {
    return new PushShare(this, wake);
  }

  fits(share: PushShare, bytes: number): boolean {
    const free = this.#totalMax - this.#used;
    const isWithin = bytes <= free && share.heldBytes + bytes <= this.#shareMax;
    if (isWithin && (share.heldBytes === 0 || share.heldBytes + bytes <= free / 4)) return true;
    this.#waiting.add(share);
    return false;
  }

  change(bytes: number): void {
    this.#used += bytes;
    if (bytes >= 0 || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const share of waiting) share.wake();
  }

  forget(share: PushShare): void {
    this.#waiting.delete(share);
  }
}

/** What one subscription holds of it. */
export class PushShare {
  readonly wake: () => void;
  readonly #memory: PushMemory;
  #held = 0;

  constructor(memory: PushMemory, wake: () => void) {
    this.#memory = memory;
    this.wake = wake;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** Whether so many bytes may be taken; if not, `wake` is called when it is worth asking again. */
  fits(bytes: number): boolean {
    return this.#memory.fits(this, bytes);
  }

  take(bytes: number): void {
    this.#held += bytes;
    this.#memory.change(bytes);
  }

  free(bytes: number): void {
    this.#held -= bytes;
    this.#memory.change(-bytes);
  }

  /** Asks to be woken no more. */
  close(): void {
    this.#memory.forget(this);
  }
}
