import { messageTags } from '../wire/message-scan.ts';
import { WireReader } from '../wire/varint.ts';

/** Tags of an entry of a protobuf map. */
const keyTag = 0x0a;
const valueTag = 0x12;

/**
 * Finds the values of some attributes in messages in wire form, in one pass over each and without
 * making a string. Keys are added first; what `read` found holds until it is called again.
 */
export class AttributeValues {
  readonly #keys: Buffer[] = [];
  readonly #indexes = new Map<string, number>();
  /** Indexes of the keys that have so many bytes. */
  readonly #byLength: number[][] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the value of each key begins and ends; it begins at -1 if the attribute is not there. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** The index by which the attribute's value is asked for. */
  add(key: string): number {
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#keys.length;
    const bytes = Buffer.from(key);
    this.#indexes.set(key, index);
    this.#keys.push(bytes);
    (this.#byLength[bytes.length] ??= []).push(index);
    this.#starts.push(-1);
    this.#ends.push(0);
    return index;
  }

  /** `message`: fields of a PubsubMessage, checked when it was published. */
  read(message: Uint8Array): void {
    this.#starts.fill(-1);
    this.#bytes = message;
    const reader = new WireReader(message);
    while (reader.ok && reader.at < reader.end) {
      const tag = reader.varint();
      if (tag === messageTags.attributes) this.#readEntry(reader);
      else reader.skip(tag & 7);
    }
  }

  isPresent(index: number): boolean {
    return this.#starts[index]! >= 0;
  }

  equals(index: number, value: Uint8Array): boolean {
    const start = this.#starts[index]!;
    if (start < 0 || this.#ends[index]! - start !== value.length) return false;
    return isAt(this.#bytes, start, value);
  }

  startsWith(index: number, prefix: Uint8Array): boolean {
    const start = this.#starts[index]!;
    if (start < 0 || this.#ends[index]! - start < prefix.length) return false;
    return isAt(this.#bytes, start, prefix);
  }

  /** Of two entries with one key the last one wins, as everywhere in protobuf. */
  #readEntry(reader: WireReader): void {
    const messageEnd = reader.end;
    const length = reader.length();
    reader.end = reader.at + length;
    let [keyAt, keyEnd, valueAt, valueEnd] = [0, 0, 0, 0];
    while (reader.ok && reader.at < reader.end) {
      const tag = reader.varint();
      if (tag !== keyTag && tag !== valueTag) {
        reader.skip(tag & 7);
        continue;
      }
      const partEnd = reader.length() + reader.at;
      if (tag === keyTag) [keyAt, keyEnd] = [reader.at, partEnd];
      else [valueAt, valueEnd] = [reader.at, partEnd];
      reader.at = partEnd;
    }
    reader.end = messageEnd;
    if (reader.ok) this.#found(keyAt, keyEnd, valueAt, valueEnd);
  }

  #found(keyAt: number, keyEnd: number, valueAt: number, valueEnd: number): void {
    const candidates = this.#byLength[keyEnd - keyAt];
    if (candidates === undefined) return;
    for (const index of candidates) {
      if (!isAt(this.#bytes, keyAt, this.#keys[index]!)) continue;
      this.#starts[index] = valueAt;
      this.#ends[index] = valueEnd;
      return;
    }
  }
}

function isAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}
