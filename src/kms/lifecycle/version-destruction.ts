import { audited } from '../audit/audited.ts';
import { contentionError } from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { requireVersionName } from '../names.ts';
import { providerOf } from '../providers/key-providers.ts';
import {
  compactionTable,
  type DoomedRecord,
  doomedTable,
  type VersionRecord,
  versionRowId,
  versionTable,
} from '../rows/records.ts';
import { type Row, rowRemoval, rowWrite } from '../rows/sealed-rows.ts';
import { ownCaller } from './own-caller.ts';

const compactionRow = 'pending';

/**
 * Destroys a version whose time has come. From the one transaction on it is DESTROYED for every
 * call; its material goes on in a row of its own until its provider has removed it, so that a crash
 * in between is made up for.
 */
export async function destroyDueVersion(context: KmsContext, name: string): Promise<void> {
  const { cryptoKey, version } = requireVersionName(name);
  const row = await context.rows.get(versionTable, versionRowId(cryptoKey, version));
  if (row?.record.state !== 'DESTROY_SCHEDULED') return;
  const { destroyTimeMs = 0, ...rest } = row.record;
  const nowMs = context.clock.wallMs();
  if (destroyTimeMs > nowMs) {
    context.dueTimes.expectDestruction(name, destroyTimeMs);
    return;
  }
  const call = {
    operation: 'DestroyCryptoKeyVersion',
    resource: name,
    permission: 'cloudkms.cryptoKeyVersions.destroy',
    caller: ownCaller,
    kind: 'system_event',
    request: { name },
  } as const;
  await audited(context, call, async (trail) => {
    const record: VersionRecord = {
      ...rest,
      state: 'DESTROYED',
      destroyEventTimeMs: nowMs,
      material: null,
    };
    const writes = [rowWrite(versionTable, row, record), ...doomedWrites(name, row)];
    trail.respond({ name, state: record.state });
    const change = { resource: cryptoKey, kind: 'versionState' } as const;
    if (!(await trail.commit(writes, { step: 'Destroy', change }))) throw contentionError(name);
  });
}

function doomedWrites(
  name: string,
  { id, record }: Row<VersionRecord>,
): ReturnType<typeof rowWrite>[] {
  const { material, protectionLevel } = record;
  if (material === null) return [];
  const doomed: DoomedRecord = { name, protectionLevel, material };
  return [rowWrite(doomedTable, { id, version: 0 }, doomed)];
}

/**
 * Has providers remove the material of destroyed versions, then rewrites the key environment
 * without the pages that held it. True if nothing is left to do.
 */
export async function eraseDestroyed(context: KmsContext): Promise<boolean> {
  let isDone = true;
  const doomed: Row<DoomedRecord>[] = [];
  const onDamaged = (err: unknown): void => {
    isDone = false;
    context.log.error({ err }, 'the material of a destroyed version cannot be removed');
  };
  for await (const row of context.rows.each(doomedTable, onDamaged)) doomed.push(row);
  for (const row of doomed) isDone = (await erase(context, row)) && isDone;
  await compact(context);
  return isDone;
}

async function erase(context: KmsContext, row: Row<DoomedRecord>): Promise<boolean> {
  const { name, protectionLevel, material } = row.record;
  try {
    context.failpoints('beforeMaterialDestroy');
    await providerOf(context.providers, protectionLevel).destroy(material);
    const pending = await context.rows.get(compactionTable, compactionRow);
    const at = { id: compactionRow, version: pending?.version ?? 0 };
    const marker = rowWrite(compactionTable, at, { sinceMs: context.clock.wallMs() });
    const isDone = await context.rows.commit([rowRemoval(doomedTable, row), marker]);
    context.failpoints('afterMaterialDestroy');
    return isDone;
  } catch (err) {
    context.log.warn({ err, version: name }, 'destroyed material is not removed yet');
    return false;
  }
}

/** Ends by deleting the marker: one that a crash leaves is made up for by one compaction more. */
async function compact({ rows }: KmsContext): Promise<void> {
  const pending = await rows.get(compactionTable, compactionRow);
  if (pending === null) return;
  await rows.compact();
  await rows.commit([rowRemoval(compactionTable, pending)]);
}
