const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads the fields of one protobuf message, one after the other; throws where it is cut short. */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next field's number, or 0 at the end. */
  next(): number {
    if (this.#at >= this.#bytes.length) return 0;
    const tag = this.#varint();
    this.#wireType = tag % 8;
    return Math.floor(tag / 8);
  }

  /** A varint as a number; exact up to 2^53. */
  number(): number {
    this.#expect(0);
    return this.#varint();
  }

  /** A view of the field's bytes. */
  bytes(): Uint8Array {
    this.#expect(2);
    const length = this.#varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('A frame ends within a field.');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  /** A nested message. */
  message(): ProtoReader {
    return new ProtoReader(this.bytes());
  }

  /** Passes over a field that this client does not know. */
  skip(): void {
    switch (this.#wireType) {
      case 0:
        this.#varint();
        break;
      case 1:
        this.#at += 8;
        break;
      case 2:
        this.bytes();
        break;
      case 5:
        this.#at += 4;
        break;
      default:
        throw new RangeError(`A frame has a field of wire type ${this.#wireType}.`);
    }
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw new RangeError('A frame has a field of another type.');
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('A frame ends within a number.');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError('A frame has a number of more than ten bytes.');
  }
}
