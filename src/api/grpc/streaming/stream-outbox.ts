/** Opened bytes that may wait for the client; a batch more than this is the most there can be. */
const unsentBytesMax = 512 * 1024;
const unsentBytesResume = 128 * 1024;

/** Takes a response, and calls back when it has left. */
type Write = (response: Uint8Array, onSent: () => void) => void;

/** The responses of one stream that are on their way to a client which may not read. */
export class StreamOutbox {
  readonly #write: Write;
  readonly #onRoom: () => void;
  #unsentBytes = 0;
  #isFull = false;

  /** `onRoom` is called when, after it was full, most of it has left. */
  constructor(write: Write, onRoom: () => void) {
    this.#write = write;
    this.#onRoom = onRoom;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Nothing more should be put in for now. */
  get isFull(): boolean {
    return this.#isFull;
  }

  send(response: Uint8Array, onSent?: () => void): void {
    const bytes = response.length;
    this.#unsentBytes += bytes;
    if (this.#unsentBytes >= unsentBytesMax) this.#isFull = true;
    this.#write(response, () => {
      this.#unsentBytes -= bytes;
      onSent?.();
      if (!this.#isFull || this.#unsentBytes > unsentBytesResume) return;
      this.#isFull = false;
      this.#onRoom();
    });
  }
}
