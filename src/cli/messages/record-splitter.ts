/** A piece of the input between two delimiters. */
export interface InputRecord {
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly number: number;
  /** It was longer than the most, and its bytes were dropped. */
  readonly isTooLong: boolean;
}

const carriageReturn = 13;

/** Cuts a stream of bytes into lines, or into pieces that end with NUL; holds one piece at most. */
export class RecordSplitter {
  readonly #delimiter: number;
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #count = 0;

  constructor(options: { readonly isNullDelimited: boolean; readonly bytesMax: number }) {
    this.#delimiter = options.isNullDelimited ? 0 : 10;
    this.#bytesMax = options.bytesMax;
  }

  /** Whether bytes are held that no delimiter has ended. */
  get hasRest(): boolean {
    return this.#partBytes > 0;
  }

  /** The pieces that end in `chunk`. Their bytes may be views into it. */
  *push(chunk: Uint8Array): Generator<InputRecord> {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(this.#delimiter, from);
      if (at < 0) break;
      yield this.#take(chunk.subarray(from, at));
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  /** What the end of the input ends; undefined if there is nothing. */
  rest(): InputRecord | undefined {
    return this.hasRest ? this.#take(new Uint8Array(0)) : undefined;
  }

  #keep(part: Uint8Array): void {
    this.#partBytes += part.length;
    // Of what is too long the length alone is kept.
    if (this.#partBytes > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(last: Uint8Array): InputRecord {
    this.#keep(last);
    const isTooLong = this.#partBytes > this.#bytesMax;
    const whole = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.#count++;
    return { bytes: this.#trimmed(whole), number: this.#count, isTooLong };
  }

  /** Lines of Windows end with two characters. */
  #trimmed(bytes: Uint8Array): Uint8Array {
    const hasReturn = this.#delimiter !== 0 && bytes.at(-1) === carriageReturn;
    return hasReturn ? bytes.subarray(0, -1) : bytes;
  }
}
