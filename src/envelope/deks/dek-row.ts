import { associatedData, keyBytes, type SuiteId, suiteIds } from '../../crypto/index.ts';
import type { SealedTopic } from '../dek.ts';

/** A stored DEK: wrapped, with all that is needed to unwrap it and to know that it is the one. */
export interface DekRow {
  readonly topicUid: Uint8Array;
  readonly version: number;
  readonly suite: SuiteId;
  /** When it was made; ms since the Unix epoch, as `sealFromMs`. */
  readonly createTimeMs: number;
  /** The start of its six hours. */
  readonly sealFromMs: number;
  /** The CryptoKey, and the version of it, that wrapped the DEK. */
  readonly kekName: string;
  readonly kekVersionName: string;
  readonly commitment: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** What the wrap binds, beside the topic's name and uid. */
export type DekIdentity = Pick<DekRow, 'version' | 'suite' | 'createTimeMs' | 'sealFromMs'>;

const format = 1;
const uidBytes = 16;
const headBytes = 2 + uidBytes + 4 + 8 + 8 + keyBytes;
const dekVersionMax = 2 ** 32 - 1;

/** `dek/<topic uid in hex>/`: the prefix of all of a topic's rows. */
export function dekRowPrefix(topicUid: Uint8Array): string {
  return `dek/${Buffer.from(topicUid).toString('hex')}/`;
}

/** Row keys sort as their versions do: ten digits hold every 32-bit number. */
export function dekRowKey(topicUid: Uint8Array, version: number): string {
  return dekRowPrefix(topicUid) + String(version).padStart(10, '0');
}

/** The associated data of a wrap: the name keeps a stolen row from being given to another topic. */
export function wrapAssociatedData(topic: SealedTopic, dek: DekIdentity): Uint8Array {
  const numbers = [dek.version, dek.suite, dek.createTimeMs, dek.sealFromMs];
  return associatedData(['sealpost/dek/v1', topic.name, topic.uid, ...numbers.map(String)]);
}

/** Layout in docs/keys.md. */
export function encodeDekRow(row: DekRow): Uint8Array {
  const tail = [row.kekName, row.kekVersionName].map((name) => new TextEncoder().encode(name));
  const sized = [...tail, row.wrapped];
  const bytes = new Uint8Array(headBytes + sized.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([format, row.suite]);
  bytes.set(row.topicUid, 2);
  view.setUint32(18, row.version);
  view.setBigUint64(22, BigInt(row.createTimeMs));
  view.setBigUint64(30, BigInt(row.sealFromMs));
  bytes.set(row.commitment, 38);
  let at = headBytes;
  for (const part of sized) {
    view.setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** Null unless `bytes` is exactly one row of this format. The result keeps no view of `bytes`. */
export function decodeDekRow(bytes: Uint8Array): DekRow | null {
  const suite = Object.values(suiteIds).find((id) => id === bytes[1]);
  const parts = bytes[0] === format ? sizedParts(bytes) : null;
  if (parts === null || suite === undefined) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [kekName, kekVersionName] = parts.slice(0, 2).map((part) => Buffer.from(part).toString());
  return {
    topicUid: bytes.slice(2, 18),
    version: view.getUint32(18),
    suite,
    createTimeMs: Number(view.getBigUint64(22)),
    sealFromMs: Number(view.getBigUint64(30)),
    commitment: bytes.slice(38, headBytes),
    kekName: kekName!,
    kekVersionName: kekVersionName!,
    wrapped: parts[2]!,
  };
}

/** The three length-prefixed parts after the head, or null if they do not end where the row does. */
function sizedParts(bytes: Uint8Array): Uint8Array[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let at = headBytes;
  while (parts.length < 3 && at + 4 <= bytes.length) {
    const length = view.getUint32(at);
    if (at + 4 + length > bytes.length) return null;
    parts.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts.length === 3 && at === bytes.length ? parts : null;
}

/** Whether another DEK may follow this one: versions are stored in 32 bits. */
export function hasNextVersion(version: number): boolean {
  return version < dekVersionMax;
}
