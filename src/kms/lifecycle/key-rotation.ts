import { audited } from '../audit/audited.ts';
import { generateVersion } from '../keys/key-material.ts';
import { contentionError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { versionName } from '../names.ts';
import {
  type CryptoKeyRecord,
  cryptoKeyTable,
  versionRowId,
  versionTable,
} from '../rows/records.ts';
import { rowWrite } from '../rows/sealed-rows.ts';
import { ownCaller } from './own-caller.ts';

/**
 * Rotates a key whose time has come: a new version, primary from the same transaction on. Periods
 * that passed while nobody could rotate are made up for by this one.
 */
export async function rotateDueKey(context: KmsContext, name: string): Promise<void> {
  const key = await context.rows.get(cryptoKeyTable, name);
  const nextMs = key?.record.nextRotationTimeMs;
  if (!key || nextMs === undefined) return;
  const nowMs = context.clock.wallMs();
  if (nextMs > nowMs) {
    context.dueTimes.expectRotation(name, nextMs);
    return;
  }
  const number = key.record.versionCount + 1;
  const call = {
    operation: 'CreateCryptoKeyVersion',
    resource: name,
    target: versionName(name, number),
    permission: 'cloudkms.cryptoKeyVersions.create',
    caller: ownCaller,
    kind: 'system_event',
    request: { parent: name },
  } as const;
  await audited(context, call, async (trail) => {
    const { versionTemplate } = key.record;
    const made = { state: 'ENABLED' } as const;
    const version = await generateVersion(context, call.target, versionTemplate, made, trail);
    const afterMs = rotationAfter(key.record, nextMs, nowMs);
    const record = { ...key.record, versionCount: number, primary: number, ...afterMs };
    context.dueTimes.expectRotation(name, afterMs.nextRotationTimeMs);
    trail.respond({ name: call.target, isPrimary: true });
    const writes = [
      rowWrite(cryptoKeyTable, key, record),
      rowWrite(versionTable, { id: versionRowId(name, number), version: 0 }, version),
    ];
    const change = { resource: name, kind: 'primary' } as const;
    if (!(await trail.commit(writes, { step: 'Rotate', change }))) throw contentionError(name);
  });
}

/** The first time of the schedule that is still to come. */
function rotationAfter(
  { rotationPeriodSeconds = 0 }: CryptoKeyRecord,
  nextMs: number,
  nowMs: number,
): { readonly nextRotationTimeMs: number } {
  const periodMs = rotationPeriodSeconds * 1000;
  const missed = Math.floor((nowMs - nextMs) / periodMs);
  return { nextRotationTimeMs: nextMs + (missed + 1) * periodMs };
}
