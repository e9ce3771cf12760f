import { Catalog } from '../../src/broker/catalog/catalog.ts';
import type { SnapshotRow } from '../../src/broker/catalog/catalog-rows.ts';
import { FaultPlan, openMemoryKeyStore, type MetaStore } from '../../src/storage/index.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A row of the catalog before it is sealed: JSON, in the order in which its fields are written. */
export interface CatalogRow {
  readonly key: string;
  readonly text: string;
}

const project = 'projects/p';

export const openRows = (): MetaStore =>
  openMemoryKeyStore({ clock: new VirtualClock(), faults: new FaultPlan() });

/** What one of each kind of resource leaves in a store, once it was made and partly ended. */
export async function catalogued(): Promise<CatalogRow[]> {
  const meta = openRows();
  const catalog = new Catalog(meta, new SeededEntropy(7));
  const topic = await catalog.createTopic({
    name: `${project}/topics/orders`,
    labels: { team: 'a' },
    messageRetentionMs: 600_000,
  });
  const subscription = {
    name: `${project}/subscriptions/billing`,
    topic: topic.name,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetentionMs: 604_800_000,
    expirationTtlMs: 2_678_400_000,
  };
  const of = { topicUid: topic.uid, start: 12, lastActiveMs: 1_767_225_600_000 };
  await catalog.createSubscription(subscription, of, null);
  const name = `${project}/subscriptions/gone`;
  const row = await catalog.createSubscription({ ...subscription, name }, of, null);
  const detached = { ...row, log: 0, detached: true, detachedFrom: topic.name };
  await catalog.detachSubscription(row, detached, null);
  await catalog.createSnapshot(snapshotRow(topic.uid, await catalog.reserveLog('snapshot')));
  await catalog.reserveLog('a snapshot that is being made');
  const stored = await meta.list('');
  return stored.map(({ key, value }) => ({ key, text: Buffer.from(value).toString() }));
}

function snapshotRow(topicUid: string, log: number): SnapshotRow {
  return {
    name: `${project}/snapshots/before`,
    labels: { kept: 'yes' },
    topicUid,
    log,
    createTimeMs: 1_767_225_600_000,
    expireTimeMs: 1_767_600_000_000,
    expireTimeMaxMs: 1_767_830_400_000,
    floor: 3,
    frontier: 9,
    holeCount: 2,
  };
}
