import { isUtf8 } from 'node:buffer';

import { invalidArgument } from '../../broker/index.ts';

/** Reads the fields of a serialised message one after the other; malformed is INVALID_ARGUMENT. */
export class FieldReader {
  readonly #bytes: Buffer;
  readonly #message: string;
  #at = 0;
  #wireType = 0;
  /** Number of the field that `next` came to. */
  field = 0;

  constructor(bytes: Buffer, message: string) {
    this.#bytes = bytes;
    this.#message = message;
  }

  /** Goes to the next field; false at the end. Each field is then read or skipped. */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (this.field < 1) throw this.#malformed();
    return true;
  }

  /** Text that is compared with what we wrote ourselves: an ack id, which is ASCII. */
  asciiText(): string {
    const end = this.#length();
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end;
    return text;
  }

  text(): string {
    const end = this.#length();
    const text = this.#bytes.toString('utf8', this.#at, end);
    // What is no UTF-8 became this character, which a text may hold on its own account.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(this.#at, end))) {
      throw this.#malformed();
    }
    this.#at = end;
    return text;
  }

  /** A view of a length-delimited field. */
  bytes(): Buffer {
    const end = this.#length();
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** An int32 or int64, exact up to 2^53. */
  integer(): number {
    if (this.#wireType !== 0) throw this.#malformed();
    return this.#varint();
  }

  /** A repeated integer, packed or not, appended to `into`. */
  integers(into: number[]): void {
    if (this.#wireType === 0) {
      into.push(this.#varint());
      return;
    }
    const end = this.#length();
    while (this.#at < end) into.push(this.#varint());
    if (this.#at !== end) throw this.#malformed();
  }

  skip(): void {
    if (this.#wireType === 0) this.#varint();
    else if (this.#wireType === 1) this.#at += 8;
    else if (this.#wireType === 2) this.#at = this.#length();
    else if (this.#wireType === 5) this.#at += 4;
    else throw this.#malformed();
    if (this.#at > this.#bytes.length) throw this.#malformed();
  }

  /** Where the length-delimited field at hand ends. */
  #length(): number {
    if (this.#wireType !== 2) throw this.#malformed();
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) throw this.#malformed();
    return end;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw this.#malformed();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return this.#longVarint(BigInt(value));
  }

  /** Negative numbers and those from 2^28 on: up to ten bytes, two's complement. */
  #longVarint(low: bigint): number {
    let value = low;
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw this.#malformed();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw this.#malformed();
  }

  #malformed(): Error {
    return invalidArgument(`not a valid serialised ${this.#message}`);
  }
}
