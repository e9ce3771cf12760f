import { join } from 'node:path';

import {
  type AnchorStore,
  type AuditLog,
  type AuditObserver,
  openAuditLog,
} from '../audit/index.ts';
import type { OpenSources } from '../backup/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import { noFailpoints, type Closers } from '../runtime/index.ts';
import { type KeyStore, makeDirectory, openLmdbStore } from '../storage/index.ts';
import { derivedKey } from './derived-key.ts';
import type { OpenedKeys } from './opened-stores.ts';
import type { ServerPorts } from './ports.ts';

/** Freed when the disk is full: some thousand entries, while somebody makes room. */
const reserveBytes = 4 * 1024 * 1024;

/** Of the environment of the keys. */
export const anchorRow = 'audit/anchor';

/** The audit log of a data directory, in a store of its own under `DATA_DIR/audit`. */
export async function openAudit(
  {
    openedKeys,
    suites,
    metrics,
  }: { openedKeys: OpenedKeys; suites: SuiteProviders; metrics: { readonly audit: AuditObserver } },
  config: ServerConfig,
  ports: ServerPorts,
  closers: Closers,
  sources?: OpenSources,
): Promise<AuditLog> {
  const dataDir = join(config.dataDir, 'audit');
  makeDirectory(dataDir, 0o700);
  const store = await openLmdbStore({ ...ports, dataDir, reserveBytes, failpoints: noFailpoints });
  closers.add(() => store.close());
  sources?.data.set('audit/store', store);
  const key = derivedKey(openedKeys, suites, 'audit', closers);
  const audit = await openAuditLog({
    ...ports,
    store,
    key,
    anchor: anchorIn(openedKeys.rows),
    observer: metrics.audit,
    retentionDays: { activity: config.auditRetentionDays, data_access: config.auditDataAccessDays },
  });
  closers.add(() => audit.close());
  return audit;
}

/** Apart from the log: whoever cuts the log's end would have to go back to an older row here. */
function anchorIn(rows: KeyStore): AnchorStore {
  return {
    load: async () => (await rows.get(anchorRow))?.value ?? null,
    save: async (value) => void (await rows.txn([], [{ key: anchorRow, value }])),
  };
}
