/** Bytes that `value` (0 .. 2^53 - 1) takes as a protobuf varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Writes `value` (0 .. 2^53 - 1) at `at`; returns where the next byte goes. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7fffffff) {
    out[next++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 0x80) {
    out[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[next++] = rest;
  return next;
}

/**
 * Reads varints one after the other. `ok` turns false, for good, on a varint that is cut off, too
 * long or above 2^53 - 1; the caller looks at it once, after a group of reads.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
  ok = true;

  constructor(bytes: Uint8Array, at: number = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  varint(): number {
    const first = this.bytes[this.at];
    if (first !== undefined && first < 0x80 && this.at < this.end) {
      this.at++;
      return first;
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10 && this.at < this.end; count++) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.ok = false;
        return this.ok ? value : 0;
      }
      scale *= 128;
    }
    this.ok = false;
    return 0;
  }

  /** Reads a length and checks that so many bytes follow. */
  length(): number {
    const length = this.varint();
    if (length > this.end - this.at) this.ok = false;
    return this.ok ? length : 0;
  }

  /** Skips the value of a field that nobody knows; groups and reserved wire types are refused. */
  skip(wireType: number): void {
    if (wireType === 0) this.#skipVarint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.#skipBytes();
    else if (wireType === 5) this.at += 4;
    else this.ok = false;
    if (this.at > this.end) this.ok = false;
  }

  /** The length is read first: it moves `at` itself. */
  #skipBytes(): void {
    const length = this.length();
    this.at += length;
  }

  /** Any 64-bit varint may stand in an unknown field, also one above 2^53. */
  #skipVarint(): void {
    for (let count = 0; count < 10 && this.at < this.end; count++) {
      if (this.bytes[this.at++]! < 0x80) return;
    }
    this.ok = false;
  }
}
