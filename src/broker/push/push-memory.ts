const mebibyte = 1024 * 1024;

/**
 * The bytes of all push bodies that are held at once. Each subscription may have a single message
 * that fits at all, and beside it a quarter of what is still free for others: a dozen slow endpoints
 * cannot take everything.
 *
 * Who is refused waits. What becomes free wakes those that waited longest, as many as it can serve;
 * hundreds may wait, and each that is woken reads what it wants to send.
 */
export class PushMemory {
  readonly #totalMax: number;
  readonly #shareMax: number;
  readonly #waiting = new Set<PushShare>();
  #used = 0;
  #isServing = false;

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

  hasRoom(share: PushShare, bytes: number, free: number = this.#totalMax - this.#used): boolean {
    const isWithin = bytes <= free && share.heldBytes + bytes <= this.#shareMax;
    return isWithin && (share.heldBytes === 0 || share.heldBytes + bytes <= free / 4);
  }

  change(bytes: number): void {
    this.#used += bytes;
    if (bytes < 0) this.#serve();
  }

  wait(share: PushShare): void {
    this.#waiting.add(share);
  }

  forget(share: PushShare): void {
    this.#waiting.delete(share);
  }

  /** Looks again after those that it wakes: what they leave is for the next. */
  #serve(): void {
    if (this.#isServing || !this.#wakeSome()) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      this.#serve();
    });
  }

  #wakeSome(): boolean {
    let free = this.#totalMax - this.#used;
    let isAnyWoken = false;
    for (const share of this.#waiting) {
      if (!this.hasRoom(share, share.wantedBytes, free)) continue;
      this.#waiting.delete(share);
      free -= share.wantedBytes;
      isAnyWoken = true;
      share.wake();
    }
    return isAnyWoken;
  }
}

/** What one subscription holds of it. */
export class PushShare {
  readonly wake: () => void;
  readonly #memory: PushMemory;
  #held = 0;
  #wanted = 0;

  constructor(memory: PushMemory, wake: () => void) {
    this.wake = wake;
    this.#memory = memory;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** What was refused when it was last asked for; 0 if that was granted. */
  get wantedBytes(): number {
    return this.#wanted;
  }

  /**
   * Whether it is worth reading the next message to ask for it: not while as much as was refused
   * would be refused again. If not, `wake` is called when it is.
   */
  mayAsk(): boolean {
    if (this.#wanted === 0 || this.hasRoom(this.#wanted)) return true;
    this.#memory.wait(this);
    return false;
  }

  /** Whether so many bytes may be taken. */
  hasRoom(bytes: number): boolean {
    return this.#memory.hasRoom(this, bytes);
  }

  /** Whether so many bytes may be taken; if not, `wake` is called when it is worth asking again. */
  fits(bytes: number): boolean {
    const isGranted = this.hasRoom(bytes);
    this.#wanted = isGranted ? 0 : bytes;
    if (isGranted) this.#memory.forget(this);
    else this.#memory.wait(this);
    return isGranted;
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
    this.#wanted = 0;
    this.#memory.forget(this);
  }
}
