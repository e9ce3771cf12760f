const encoder = new TextEncoder();

/**
 * Writes protobuf fields into one growing buffer. Values that are the default are left out, as
 * proto3 does. Whole numbers are safe integers, none negative.
 */
export class ProtoWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(bytes: number = 64) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** All that was written; a copy of exactly its length. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  number(field: number, value: number): this {
    if (value === 0) return this;
    this.#varint(field * 8);
    return this.#varint(value);
  }

  string(field: number, text: string): this {
    return text === '' ? this : this.message(field, encoder.encode(text));
  }

  /** Bytes, unless there are none. */
  bytes(field: number, bytes: Uint8Array): this {
    return bytes.length === 0 ? this : this.message(field, bytes);
  }

  /** Bytes or a nested message, even an empty one. */
  message(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  #varint(value: number): this {
    this.#reserve(10);
    let rest = value;
    // Not by shifts: they cut a number to 32 bits.
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
