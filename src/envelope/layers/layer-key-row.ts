import { associatedData, commitmentOf, equalBytes, keyBytes } from '../../crypto/index.ts';
import { assert } from '../../runtime/index.ts';
import type { LayerKeyPlace, StoredLayerKey } from './layer-key.ts';

/** A vault's DEK as its row holds it: wrapped, with all that is needed to unwrap and to know it. */
export interface LayerKeyRow {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  readonly createdMs: number;
  /** Null: it is wrapped as it was when it was made. */
  readonly rewrappedMs: number | null;
  /** `key` as the service claims it: null is the service's own default key. */
  readonly place: LayerKeyPlace;
  /** The CryptoKey, and the version of it, that wrapped the DEK. */
  readonly keyName: string;
  readonly keyVersion: string;
  readonly commitment: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** What the keys of the rows begin with. */
export const layerKeyPrefix = 'vault/dek/';

const domain = 'vault/dek/v1';
const format = 1;
const sizedAt = 65;
const sizedCount = 7;
const uidPattern = /^[0-9A-Za-z-]{1,64}$/u;

/** The prefix of all of a service's rows. */
export function layerKeyRowPrefix(serviceUid: string): string {
  assert(uidPattern.test(serviceUid), 'a service uid has 1 to 64 letters, digits and hyphens');
  return `${layerKeyPrefix}${serviceUid}/`;
}

/** `default` stands for the service's own key: a CryptoKey's name begins with `projects/`. */
export function layerKeyRowKey({ serviceUid, key }: LayerKeyPlace): string {
  return layerKeyRowPrefix(serviceUid) + (key ?? 'default');
}

/** Whether a row that was found at `key` says so itself, and names one key throughout. */
export function isLayerKeyRowAt(row: LayerKeyRow, key: string): boolean {
  const { serviceUid, key: claimed } = row.place;
  if (!uidPattern.test(serviceUid) || layerKeyRowKey(row.place) !== key) return false;
  const isOne = claimed === null || claimed === row.keyName;
  return isOne && row.keyVersion.startsWith(`${row.keyName}/cryptoKeyVersions/`);
}

/** The associated data of the wrap: a wrapped DEK serves no other project or service. */
export function layerWrapAssociatedData(place: LayerKeyPlace, id: Uint8Array): Uint8Array {
  return associatedData([domain, place.project, place.serviceUid, id]);
}

/** Binds a DEK to every clear field of its row. */
export function layerKeyCommitment(
  dek: Uint8Array,
  row: Omit<LayerKeyRow, 'commitment' | 'wrapped'>,
): Uint8Array {
  const numbers = [row.createdMs, row.rewrappedMs ?? 0].map(String);
  return commitmentOf(dek, [domain, row.id, ...numbers, ...namesOf(row)]);
}

/** Whether the row says what it said when its DEK was wrapped. */
export function isLayerKeyCommitted(dek: Uint8Array, row: LayerKeyRow): boolean {
  return dek.length === keyBytes && equalBytes(layerKeyCommitment(dek, row), row.commitment);
}

/** Layout in docs/layer-format.md. */
export function encodeLayerKeyRow(row: LayerKeyRow): Uint8Array {
  const sized = associatedData([...namesOf(row), row.wrapped]);
  const bytes = new Uint8Array(sizedAt + sized.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = format;
  bytes.set(row.id, 1);
  view.setBigUint64(17, BigInt(row.createdMs));
  view.setBigUint64(25, BigInt(row.rewrappedMs ?? 0));
  bytes.set(row.commitment, 33);
  bytes.set(sized, sizedAt);
  return bytes;
}

/** Null unless `bytes` is exactly one row of this format. The result keeps no view of `bytes`. */
export function decodeLayerKeyRow(bytes: Uint8Array): LayerKeyRow | null {
  const parts = bytes[0] === format ? sizedParts(bytes) : null;
  if (parts === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = parts.slice(0, -1).map((part) => Buffer.from(part).toString());
  const [project, serviceUid, serviceName, key, keyName, keyVersion] = names;
  return {
    id: bytes.slice(1, 17),
    createdMs: Number(view.getBigUint64(17)),
    rewrappedMs: Number(view.getBigUint64(25)) || null,
    commitment: bytes.slice(33, sizedAt),
    place: {
      project: project!,
      serviceUid: serviceUid!,
      serviceName: serviceName!,
      key: key === '' ? null : key!,
    },
    keyName: keyName!,
    keyVersion: keyVersion!,
    wrapped: parts.at(-1)!,
  };
}

/** As lists show it. */
export function storedLayerKey(row: LayerKeyRow): StoredLayerKey {
  const { project, serviceUid } = row.place;
  const { keyName: key, keyVersion, createdMs, rewrappedMs } = row;
  const id = Buffer.from(row.id).toString('hex');
  return { id, project, serviceUid, key, keyVersion, createdMs, rewrappedMs };
}

function namesOf({ place, keyName, keyVersion }: Omit<LayerKeyRow, 'commitment' | 'wrapped'>) {
  const { project, serviceUid, serviceName, key } = place;
  return [project, serviceUid, serviceName, key ?? '', keyName, keyVersion];
}

/** The length-prefixed parts, or null if they do not end where the row does. */
function sizedParts(bytes: Uint8Array): Uint8Array[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [];
  let at = sizedAt;
  while (parts.length < sizedCount && at + 4 <= bytes.length) {
    const length = view.getUint32(at);
    if (at + 4 + length > bytes.length) return null;
    parts.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts.length === sizedCount && at === bytes.length ? parts : null;
}
