import koffi from 'koffi';

/**
 * PKCS#11's structures as bytes. CK_ULONG is a C `unsigned long`: four bytes on Windows, where the
 * standard also packs structures, eight elsewhere, where every member then lies on its own
 * alignment. So a structure is its members one after the other in both worlds.
 */
const ulongBytes: number = koffi.sizeof('ulong');
const pointerBytes = 8;

/** Bytes for one CK_ULONG that a function fills. */
export function ulongCell(value: number = 0): Uint8Array {
  return ulongBytesOf(value);
}

export function readUlong(bytes: Uint8Array, index = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + index * ulongBytes, ulongBytes);
  return Number(ulongBytes === 8 ? view.getBigUint64(0, true) : view.getUint32(0, true));
}

/** Room for `count` of them in a row. */
export function ulongArray(count: number): Uint8Array {
  return new Uint8Array(count * ulongBytes);
}

export function ulongBytesOf(value: number): Uint8Array {
  const bytes = new Uint8Array(ulongBytes);
  const view = new DataView(bytes.buffer);
  if (ulongBytes === 8) view.setBigUint64(0, BigInt(value), true);
  else view.setUint32(0, value, true);
  return bytes;
}

/** A member of a structure: a number, or bytes that it points to (null if there are none). */
type Member = number | Uint8Array;

/**
 * A structure and all memory that it points to. The bytes live as long as this object: a token may
 * read the parameters of a mechanism until the operation is over, so keep it until then.
 */
export class NativeRecord {
  readonly bytes: Uint8Array;
  readonly #held: readonly Uint8Array[];

  constructor(members: readonly Member[]) {
    const size = (member: Member): number =>
      typeof member === 'number' ? ulongBytes : pointerBytes;
    this.bytes = new Uint8Array(members.reduce<number>((sum, member) => sum + size(member), 0));
    this.#held = members.filter((member) => typeof member !== 'number');
    let at = 0;
    for (const member of members) {
      if (typeof member === 'number') this.bytes.set(ulongBytesOf(member), at);
      else new DataView(this.bytes.buffer).setBigUint64(at, addressOf(member), true);
      at += size(member);
    }
  }

  /** What the pointers point to; reading it keeps it from being collected. */
  get heldBytes(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0);
  }
}

function addressOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : koffi.address(bytes);
}

/** CK_ATTRIBUTE[]: type, value. */
export function template(
  entries: readonly (readonly [type: number, value: number | boolean | Uint8Array])[],
): { readonly record: NativeRecord; readonly count: number } {
  const members = entries.flatMap(([type, value]) => {
    const bytes = valueBytes(value);
    return [type, bytes, bytes.length];
  });
  return { record: new NativeRecord(members), count: entries.length };
}

function valueBytes(value: number | boolean | Uint8Array): Uint8Array {
  if (typeof value === 'number') return ulongBytesOf(value);
  return typeof value === 'boolean' ? Uint8Array.of(value ? 1 : 0) : value;
}

/** CK_MECHANISM; keep `parameters` too until the operation is over. */
export function mechanism(type: number, parameters: Uint8Array = new Uint8Array(0)): NativeRecord {
  return new NativeRecord([type, parameters, parameters.length]);
}

/** CK_GCM_PARAMS of version 2.40, as every library in use has it. */
export function gcmParameters(iv: Uint8Array, aad: Uint8Array, tagBytes: number): NativeRecord {
  return new NativeRecord([iv, iv.length, iv.length * 8, aad, aad.length, tagBytes * 8]);
}

/** CK_AES_CTR_PARAMS: the whole block counts, as NIST SP 800-38A B.1 has it. */
export function counterParameters(block: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ulongBytes + block.length);
  bytes.set(ulongBytesOf(block.length * 8));
  bytes.set(block, ulongBytes);
  return bytes;
}
