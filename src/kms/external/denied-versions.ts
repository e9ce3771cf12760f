import { audited } from '../audit/audited.ts';
import type { KeyOperation } from '../audit/key-operation.ts';
import { contentionError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { ownCaller } from '../lifecycle/own-caller.ts';
import { requireVersionName } from '../names.ts';
import { type VersionRecord, versionRowId, versionTable } from '../rows/records.ts';
import { type Row, rowWrite } from '../rows/sealed-rows.ts';

const attemptsMax = 10;

/**
 * Disables a version whose use its owner denied at `uri`, as Cloud EKM does: until somebody enables
 * it again, nobody asks for it. One that points elsewhere by now was not meant.
 *
 * @throws RpcError ABORTED, or what the key store throws
 */
export async function disableDenied(context: KmsContext, name: string, uri: string): Promise<void> {
  const call: KeyOperation = {
    operation: 'UpdateCryptoKeyVersion',
    resource: name,
    permission: 'cloudkms.cryptoKeyVersions.update',
    caller: ownCaller,
    kind: 'system_event',
    request: { name, cryptoKeyVersion: { state: 'DISABLED' }, updateMask: 'state' },
  };
  const { cryptoKey, version } = requireVersionName(name);
  const id = versionRowId(cryptoKey, version);
  const meant = async (): Promise<Row<VersionRecord> | null> => {
    const row = await context.rows.get(versionTable, id);
    const isMeant = row?.record.state === 'ENABLED' && row.record.externalKeyUri === uri;
    return isMeant ? row : null;
  };
  // What changes nothing leaves no entry.
  if ((await meant()) === null) return;
  await audited(context, call, async (trail) => {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const row = await meant();
      if (row === null) return;
      const record = { ...row.record, state: 'DISABLED' } as const;
      const change = { resource: cryptoKey, kind: 'versionState' } as const;
      trail.respond({ name, state: 'DISABLED' });
      if (await trail.commit([rowWrite(versionTable, row, record)], { change })) return;
    }
    throw contentionError(name);
  });
}
