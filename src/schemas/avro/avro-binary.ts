import { isUtf8 } from 'node:buffer';
import { Violation } from '../violation.ts';
import { isEmptyType, maxAvroDepth, nameOf, type AvroType } from './avro-type.ts';

/** How many values that take no byte one block may count; no byte of the message bounds them. */
const maxEmptyItems = 1_000_000;

/**
 * Reads a message in Avro's binary encoding, without a header, to its last byte.
 *
 * The work is bounded by the bytes, for whatever takes none is not visited.
 *
 * @throws Violation
 */
export function checkAvroBinary(type: AvroType, data: Uint8Array): void {
  const reader = new AvroBinary(data);
  reader.value(type, 0);
  if (reader.remaining > 0) throw new Violation('Too much data to parse for schema.');
}

class AvroBinary {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get remaining(): number {
    return this.#data.length - this.#at;
  }

  value(type: AvroType, depth: number): void {
    if (depth > maxAvroDepth) {
      throw new Violation(`The message is nested more than ${maxAvroDepth} deep.`);
    }
    switch (type.kind) {
      case 'record':
        for (const part of type.solid) this.value(part, depth + 1);
        return;
      case 'union': {
        const index = this.#index(type.branches.length, 'a union');
        return this.value(type.branches[index]!, depth + 1);
      }
      case 'array':
        return this.#blocks(type.items, false, depth + 1);
      case 'map':
        return this.#blocks(type.values, true, depth + 1);
      case 'enum':
        this.#index(type.symbols.size, nameOf(type));
        return;
      default:
        return this.#leaf(type);
    }
  }

  #leaf(type: Exclude<AvroType, { kind: 'record' | 'union' | 'array' | 'map' | 'enum' }>): void {
    switch (type.kind) {
      case 'null':
        return;
      case 'boolean':
        if (this.#byte() > 1) throw new Violation('A boolean is neither 0 nor 1.');
        return;
      case 'int':
        return this.#int();
      case 'long':
        this.#long();
        return;
      case 'float':
        return this.#skip(4);
      case 'double':
        return this.#skip(8);
      case 'fixed':
        return this.#skip(type.size);
      case 'bytes':
        return this.#skip(this.#length());
      case 'string':
        return this.#string();
      default:
    }
  }

  /** An array's or a map's blocks, up to the one of no items. */
  #blocks(items: AvroType, isMap: boolean, depth: number): void {
    for (let count = this.#long(); count !== 0; count = this.#long()) {
      if (count > 0) {
        this.#items(count, items, isMap, depth);
        continue;
      }
      const end = this.#length() + this.#at;
      this.#items(-count, items, isMap, depth);
      if (this.#at !== end) throw new Violation('A block is not as long as it says.');
    }
  }

  #items(count: number, items: AvroType, isMap: boolean, depth: number): void {
    const isEmpty = !isMap && isEmptyType(items);
    if (count > (isEmpty ? maxEmptyItems : this.remaining)) {
      throw new Violation('A block counts more items than the message can hold.');
    }
    for (let left = isEmpty ? 0 : count; left > 0; left--) {
      if (isMap) this.#string();
      this.value(items, depth);
    }
  }

  #index(count: number, of: string): number {
    const index = this.#long();
    if (index >= 0 && index < count) return index;
    throw new Violation(`The index ${index} is out of the range of ${of}.`);
  }

  #string(): void {
    const start = this.#at;
    const length = this.#length();
    const from = this.#at;
    this.#skip(length);
    if (length > 0 && !isUtf8(this.#data.subarray(from, this.#at))) {
      throw new Violation(`The string at byte ${start} is not UTF-8.`);
    }
  }

  #length(): number {
    const length = this.#long();
    if (length < 0) throw new Violation('A length is negative.');
    if (length > this.remaining) throw new Violation('Not enough data to parse for schema.');
    return length;
  }

  #skip(bytes: number): void {
    if (bytes > this.remaining) throw new Violation('Not enough data to parse for schema.');
    this.#at += bytes;
  }

  #byte(): number {
    const byte = this.#data[this.#at++];
    if (byte === undefined) throw new Violation('Not enough data to parse for schema.');
    return byte;
  }

  #int(): void {
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      if (shift === 28 && byte > 0x0f) break;
      if (byte < 0x80) return;
    }
    throw new Violation('An int has more than 32 bits.');
  }

  /** A long, as exact as a number is: all that is counted or indexed by one is far smaller. */
  #long(): number {
    const first = this.#byte();
    if (first < 0x80) return first & 1 ? -((first + 1) / 2) : first / 2;
    let zigzag = first & 0x7f;
    for (let scale = 2 ** 7; scale <= 2 ** 63; scale *= 2 ** 7) {
      const byte = this.#byte();
      if (scale === 2 ** 63 && byte > 1) break;
      zigzag += (byte & 0x7f) * scale;
      if (byte < 0x80) return first & 1 ? -((zigzag + 1) / 2) : zigzag / 2;
    }
    throw new Violation('A long has more than 64 bits.');
  }
}
