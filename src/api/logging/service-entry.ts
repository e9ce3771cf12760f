import type { AuditValue, EntryJson } from '../../audit/index.ts';
import { formatTimestamp } from '../../rpc/index.ts';
import type { LoggedServiceEntry, LogName } from '../../vault/index.ts';

export const serviceLogNames: readonly LogName[] = [
  'requests',
  'stderr',
  'stdout',
  'varlog/system',
];

export const serviceResourceType = 'cloud_run_revision';

/** `projects/P/logs/run.googleapis.com%2Fvarlog%2Fsystem`. */
export function serviceLogName(project: string, log: LogName): string {
  return `projects/${project}/logs/${encodeURIComponent(`run.googleapis.com/${log}`)}`;
}

/** The JSON form of the google.logging.v2.LogEntry that Cloud Run would write. */
export function serviceEntryJson(entry: LoggedServiceEntry): EntryJson {
  const { log, severity, revision, instanceId, timeMs, insertId } = entry;
  const { text, json, httpRequest } = entry;
  const timestamp = formatTimestamp(timeMs);
  return {
    ...(text === undefined ? {} : { textPayload: text }),
    ...(json === undefined ? {} : { jsonPayload: json as AuditValue }),
    insertId,
    ...(httpRequest === undefined ? {} : { httpRequest }),
    resource: {
      type: serviceResourceType,
      labels: {
        configuration_name: revision.serviceId,
        location: revision.location,
        project_id: revision.project,
        revision_name: revision.revisionId,
        service_name: revision.serviceId,
      },
    },
    timestamp,
    severity,
    ...(instanceId === undefined ? {} : { labels: { instanceId } }),
    logName: serviceLogName(revision.project, log),
    receiveTimestamp: timestamp,
  };
}
