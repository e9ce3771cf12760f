import type { CryptoKey, CryptoKeyVersion } from '../key-administration.ts';
import type { KmsContext } from '../kms-context.ts';
import { versionName } from '../names.ts';
import type { CryptoKeyRecord, VersionRecord } from '../rows/records.ts';
import type { Row } from '../rows/sealed-rows.ts';
import { requireVersion } from '../rows/stored-keys.ts';

/** What the API shows of a version's row: its name again, and nothing of the material. */
export function versionOf({ id, record }: Row<VersionRecord>): CryptoKeyVersion {
  const { uid: _uid, material: _material, ...shown } = record;
  return { name: versionNameOfRow(id), ...shown };
}

/** The CryptoKeyVersion whose row has that id. */
export function versionNameOfRow(id: string): string {
  const at = id.lastIndexOf('/');
  return versionName(id.slice(0, at), Number(id.slice(at + 1)));
}

/** What the API shows of a key's row, with its primary version as it is now. */
export async function cryptoKeyOf(
  context: KmsContext,
  { id: name, record }: Row<CryptoKeyRecord>,
): Promise<CryptoKey> {
  const { uid: _uid, versionCount: _count, primary, ...shown } = record;
  const key = { name, ...shown };
  if (primary === null || record.purpose !== 'ENCRYPT_DECRYPT') return key;
  return { ...key, primary: versionOf(await requireVersion(context, name, primary)) };
}
