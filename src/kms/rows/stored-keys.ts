import { notFoundError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { versionName } from '../names.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  type KeyRingRecord,
  keyRingTable,
  type VersionRecord,
  versionRowId,
  versionTable,
} from './records.ts';
import type { Row } from './sealed-rows.ts';

/** @throws RpcError NOT_FOUND */
export async function requireKeyRing(
  { rows }: KmsContext,
  name: string,
): Promise<Row<KeyRingRecord>> {
  const row = await rows.get(keyRingTable, name);
  if (row === null) throw notFoundError('KeyRing', name);
  return row;
}

/** @throws RpcError NOT_FOUND */
export async function requireCryptoKey(
  { rows }: KmsContext,
  name: string,
): Promise<Row<CryptoKeyRecord>> {
  const row = await rows.get(cryptoKeyTable, name);
  if (row === null) throw notFoundError('CryptoKey', name);
  return row;
}

/** @throws RpcError NOT_FOUND */
export async function requireVersion(
  { rows }: KmsContext,
  cryptoKey: string,
  version: number,
): Promise<Row<VersionRecord>> {
  const row = await rows.get(versionTable, versionRowId(cryptoKey, version));
  if (row === null) throw notFoundError('CryptoKeyVersion', versionName(cryptoKey, version));
  return row;
}
