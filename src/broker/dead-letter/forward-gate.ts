/** Forwards of one subscription that are under way at once. */
const forwardsMax = 32;
/** Opened bytes that all forwards together hold. */
const heldBytesMax = 64 * 1024 * 1024;

interface Line {
  underWay: number;
  readonly waiting: (() => void)[];
}

/**
 * Bounds the forwarding of dead letters: a fixed number of each subscription at once, so that a
 * storm of one leaves the others their turn, and a fixed number of opened bytes over all. A message
 * above that number goes alone.
 */
export class ForwardGate {
  readonly #forwardsMax: number;
  readonly #bytesMax: number;
  readonly #lines = new Map<number, Line>();
  readonly #hungry: { readonly bytes: number; readonly go: () => void }[] = [];
  #heldBytes = 0;

  constructor(forwards: number = forwardsMax, bytes: number = heldBytesMax) {
    this.#forwardsMax = forwards;
    this.#bytesMax = bytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Resolves when it is this forward's turn; `leave` follows, whatever happens. */
  async enter(subscription: number): Promise<void> {
    const line = this.#lines.get(subscription) ?? { underWay: 0, waiting: [] };
    this.#lines.set(subscription, line);
    if (line.underWay < this.#forwardsMax) {
      line.underWay++;
      return;
    }
    // Who leaves hands the place over, and the number stays.
    await new Promise<void>((resolve) => {
      line.waiting.push(resolve);
    });
  }

  leave(subscription: number): void {
    const line = this.#lines.get(subscription);
    if (line === undefined) return;
    const next = line.waiting.shift();
    if (next !== undefined) next();
    else if (--line.underWay === 0) this.#lines.delete(subscription);
  }

  /** True if the bytes were taken; false where others hold them, or wait for them already. */
  tryHold(bytes: number): boolean {
    if (this.#hungry.length > 0 || !this.#fits(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Resolves when the bytes were taken: first come, first served. */
  async hold(bytes: number): Promise<void> {
    if (this.tryHold(bytes)) return;
    await new Promise<void>((go) => {
      this.#hungry.push({ bytes, go });
    });
  }

  free(bytes: number): void {
    this.#heldBytes -= bytes;
    for (let next = this.#hungry[0]; next && this.#fits(next.bytes); next = this.#hungry[0]) {
      this.#hungry.shift();
      this.#heldBytes += next.bytes;
      next.go();
    }
  }

  #fits(bytes: number): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= this.#bytesMax;
  }
}
