import { isUtf8 } from 'node:buffer';
import type { DescMessage } from '@bufbuild/protobuf';
import { Violation } from '../violation.ts';
import { wire, wireTableOf, type WireField, type WireTable } from './wire-table.ts';

/** As deep as the parsers of Protocol Buffers go by default. */
const maxDepth = 100;

/**
 * Reads messages in the wire format, visiting each byte once and building nothing.
 *
 * Fields that the definition does not know are refused, as production refuses them, though parsers
 * would pass over them; so is a field in the wire type of another type, which some take for unknown.
 */
export class ProtoBinary {
  readonly #table: WireTable;

  constructor(root: DescMessage) {
    this.#table = wireTableOf(root);
  }

  /** @throws Violation */
  check(data: Uint8Array): void {
    new WireReader(data).message(this.#table, data.length, 0, 0);
  }
}

function mayBe(field: WireField, wireType: number): boolean {
  return field.wireType === wireType || (field.isPackable && wireType === wire.length);
}

class WireReader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  /** Up to `end`, or to the end of the group of that number. */
  message(table: WireTable, end: number, group: number, depth: number): void {
    if (depth > maxDepth) {
      throw new Violation(`The message is nested more than ${maxDepth} deep.`);
    }
    const met = table.required.length === 0 ? undefined : new Set<number>();
    while (this.#at < end) {
      const tag = this.#tag(end);
      const number = tag >>> 3;
      if ((tag & 7) === wire.end) {
        if (number === group) return this.#checkRequired(table, met);
        throw new Violation('A group ends that has not begun.');
      }
      met?.add(number);
      this.#field(table.fields.get(number), number, tag & 7, end, depth);
    }
    if (group !== 0) throw new Violation('A group does not end.');
    this.#checkRequired(table, met);
  }

  #field(
    field: WireField | undefined,
    number: number,
    wireType: number,
    end: number,
    depth: number,
  ): void {
    if (field === undefined) {
      throw new Violation(`The field ${number} is not in the schema.`);
    }
    if (!mayBe(field, wireType)) {
      throw new Violation(`The field ${number} is not in the wire type of its type.`);
    }
    switch (wireType) {
      case wire.varint:
        return this.#varint(end);
      case wire.bits64:
        return this.#skip(8, end);
      case wire.bits32:
        return this.#skip(4, end);
      case wire.length:
        return this.#delimited(field, end, depth);
      case wire.start:
        return this.message(field.message!, end, number, depth + 1);
      default:
        throw new Violation(`The field ${number} has no wire type of Protocol Buffers.`);
    }
  }

  #delimited(field: WireField, end: number, depth: number): void {
    const length = this.#length(end);
    const from = this.#at;
    const last = from + length;
    if (field.message !== undefined) {
      return this.message(field.message, last, 0, depth + 1);
    }
    if (field.isPackable) return this.#packed(field.wireType, last);
    this.#at = last;
    if (field.isText && !isUtf8(this.#data.subarray(from, last))) {
      throw new Violation(`The string at byte ${from} is not UTF-8.`);
    }
  }

  #packed(wireType: number, end: number): void {
    while (this.#at < end) {
      if (wireType === wire.varint) this.#varint(end);
      else this.#skip(wireType === wire.bits64 ? 8 : 4, end);
    }
  }

  #checkRequired(table: WireTable, met: ReadonlySet<number> | undefined): void {
    if (met === undefined) return;
    const missing = table.required.find(({ number }) => !met.has(number));
    if (missing !== undefined)
      throw new Violation(`The required field "${missing.name}" is missing.`);
  }

  #tag(end: number): number {
    const tag = this.#number(end);
    if (tag > 0xffffffff || tag < 8) throw new Violation('A tag is no number of a field.');
    return tag;
  }

  #length(end: number): number {
    const length = this.#number(end);
    if (length > end - this.#at) throw new Violation('Not enough data to parse for schema.');
    return length;
  }

  /** A varint of up to ten bytes, exact as far as tags and lengths reach. */
  #number(end: number): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
      if (this.#at >= end) throw new Violation('Not enough data to parse for schema.');
      const byte = this.#data[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Violation('A varint has more than ten bytes.');
  }

  #varint(end: number): void {
    this.#number(end);
  }

  #skip(bytes: number, end: number): void {
    if (bytes > end - this.#at) throw new Violation('Not enough data to parse for schema.');
    this.#at += bytes;
  }
}
