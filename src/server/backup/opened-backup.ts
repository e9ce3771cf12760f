import type { AuditCaller, AuditEntry, AuditWriter } from '../../audit/index.ts';
import type { BackupControl } from '../../api/index.ts';
import { Backups, type OpenSources } from '../../backup/index.ts';
import { packageVersion, type ServerConfig } from '../../config/index.ts';
import { reservedProject } from '../../kms/index.ts';
import type { Closers } from '../../runtime/index.ts';
import type { OpenedKeys } from '../opened-stores.ts';
import type { ServerPorts } from '../ports.ts';

export interface BackedUpParts {
  readonly sources: OpenSources;
  readonly openedKeys: Pick<OpenedKeys, 'rootKey'>;
  readonly audit: AuditWriter;
}

/** Makes backups of what this process has open, and records who asked for them. */
export function openBackups(
  { sources: open, openedKeys, audit }: BackedUpParts,
  { dataDir, keysDir }: ServerConfig,
  { clock, log }: ServerPorts,
  closers: Closers,
): BackupControl {
  const { rootKey } = openedKeys;
  const parts = { dataDir, keysDir, open, clock, version: packageVersion() };
  const backups = new Backups({ ...parts, rootKey: () => rootKey }, log);
  closers.add(() => backups.stop());
  return {
    start: (directory, caller) =>
      backups.start(directory, async () => {
        await audit.append(entryOf(directory, rootKey.id, caller));
      }),
    report: () => backups.report(),
    stop: () => backups.stop(),
  };
}

/** Whoever has the copy has what an earlier state needed: it is told before it is begun. */
function entryOf(directory: string, rootKeyId: string, caller: AuditCaller): AuditEntry {
  return {
    kind: 'activity',
    project: reservedProject,
    serviceName: 'sealpost',
    methodName: 'sealpost.v1.Server.Backup',
    resourceName: 'server',
    resource: { type: 'sealpost_server', labels: { root_key_id: rootKeyId } },
    caller,
    authorization: [],
    request: { '@type': 'type.googleapis.com/sealpost.v1.BackupRequest', directory },
  };
}
