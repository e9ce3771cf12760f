import { WireReader } from './varint.ts';

const orderingKeyTag = 0x2a;
const nothing = new Uint8Array(0);

/** The ordering key of a message in its wire form, as UTF-8; a view, empty if there is none. */
export function orderingKeyOf(message: Uint8Array): Uint8Array {
  const reader = new WireReader(message);
  let key: Uint8Array = nothing;
  while (reader.ok && reader.at < reader.end) {
    const tag = reader.varint();
    if (tag !== orderingKeyTag) {
      reader.skip(tag & 7);
      continue;
    }
    const length = reader.length();
    key = message.subarray(reader.at, reader.at + length);
    reader.at += length;
  }
  return key;
}
