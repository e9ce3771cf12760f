/** Text written straight into bytes, in UTF-8: what is long is copied once, never joined. */
export class TextWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(sizeGuess: number) {
    this.#bytes = Buffer.allocUnsafe(sizeGuess);
  }

  /** Text of which it is known that no character is beyond ASCII. */
  ascii(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  base64(bytes: Uint8Array): void {
    const source = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.ascii(source.toString('base64'));
  }

  /** What was written; the writer is used up. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
