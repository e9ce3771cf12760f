/** Bytes of messages that are being transformed, over all subscriptions. */
const waitingBytesMax = 32 * 1024 * 1024;
/** Bytes that were made and not yet delivered, over all subscriptions. */
const readyBytesMax = 32 * 1024 * 1024;

/** Bytes that can be given up at any time: they are made again. */
export interface GivenUp {
  readonly bytes: Uint8Array;
  giveUp(): void;
}

/**
 * A bound on what transforms of subscriptions hold together. What is being transformed always ends,
 * so that who waits for room gets it; of what was made the oldest goes first.
 */
export class TransformMemory {
  readonly #waitingMax: number;
  readonly #readyMax: number;
  readonly #hungry = new Set<{ wake(): void }>();
  readonly #ready = new Set<GivenUp>();
  #waitingBytes = 0;
  #readyBytes = 0;

  constructor(waitingMax: number = waitingBytesMax, readyMax: number = readyBytesMax) {
    this.#waitingMax = waitingMax;
    this.#readyMax = readyMax;
  }

  get bytes(): number {
    return this.#waitingBytes + this.#readyBytes;
  }

  get isSpent(): boolean {
    return this.#waitingBytes >= this.#waitingMax;
  }

  take(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  free(bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.isSpent || this.#hungry.size === 0) return;
    const hungry = [...this.#hungry];
    this.#hungry.clear();
    for (const each of hungry) each.wake();
  }

  /** Wakes it once there is room again. */
  wakeWhenFreed(waiting: { wake(): void }): void {
    this.#hungry.add(waiting);
  }

  /** Others may be given up for it, never itself. */
  keep(made: GivenUp): void {
    this.#ready.add(made);
    this.#readyBytes += made.bytes.length;
    for (const oldest of this.#ready) {
      if (this.#readyBytes <= this.#readyMax || oldest === made) break;
      oldest.giveUp();
    }
  }

  /** It is not kept any more, whoever ended it. */
  release(made: GivenUp): void {
    if (this.#ready.delete(made)) this.#readyBytes -= made.bytes.length;
  }
}
