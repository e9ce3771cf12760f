import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';

import type { Authorizer } from '../../iam/index.ts';
import {
  logEntryJson,
  parseLogQuery,
  type AuditQuery,
  type AuditReader,
  type EntryJson,
} from '../../audit/index.ts';
import { LogEntrySchema, type LogEntry } from '../../proto/google/logging/v2/log_entry_pb.ts';
import {
  ListLogEntriesResponseSchema,
  ListLogsResponseSchema,
  LoggingServiceV2,
  type ListLogsRequest,
  type ListLogsResponse,
} from '../../proto/google/logging/v2/logging_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { ServiceLogs } from '../../vault/index.ts';
import { anyTypes } from '../json/any-types.ts';
import { method, type ApiMethod } from '../method.ts';
import { auditSource, serviceSource } from './log-scan.ts';
import { mergedPage, type MergedPage } from './merged-logs.ts';
import { serviceLogName } from './service-entry.ts';

/** Logs that are read beside the audit log. */
export interface ReadServiceLogs {
  readonly logs: Pick<ServiceLogs, 'logNames' | 'read'>;
  readonly clock: Clock;
}

const logPageSizeDefault = 50;
const logPageSizeMax = 1_000;

/** Reading with google.logging.v2.LoggingServiceV2: the audit log, and the logs of services. */
export function loggingMethods(
  audit: AuditReader,
  services: ReadServiceLogs | undefined,
  authorizer: Pick<Authorizer, 'isGranted'>,
): ApiMethod[] {
  const service = LoggingServiceV2.method;
  return [
    method(service.listLogEntries, async (request, { principal }) => {
      const query = shownQuery(request, (permission, project) =>
        authorizer.isGranted(principal, permission, project),
      );
      const { entries, nextPageToken } = await readPage(audit, services, query);
      const response = { entries: entries.map(entryToMessage), nextPageToken };
      return create(ListLogEntriesResponseSchema, response);
    }),
    method(service.listLogs, (request) => listLogs(audit, services, request)),
  ];
}

const privateLogs = 'logging.privateLogEntries.list';
const dataAccess = 'cloudaudit.googleapis.com%2Fdata_access';

/**
 * The query without entries of data access, which name who read what, unless the caller may see
 * those of every project that he asks about.
 */
function shownQuery(
  request: AuditQuery,
  isGranted: (permission: string, resource: string) => boolean,
): AuditQuery {
  // Refused here if it is none: what is put around it must not make it another.
  const { projects } = parseLogQuery(request);
  if ([...projects].every((project) => isGranted(privateLogs, `projects/${project}`))) {
    return request;
  }
  const given = request.filter === '' ? '' : `(${request.filter}\n) AND `;
  return { ...request, filter: `${given}NOT logName:"${dataAccess}"` };
}

async function readPage(
  audit: AuditReader,
  services: ReadServiceLogs | undefined,
  request: AuditQuery,
): Promise<MergedPage> {
  if (services === undefined) {
    const { entries, nextPageToken } = await audit.read(request);
    return { entries: entries.map(logEntryJson), nextPageToken };
  }
  const query = parseLogQuery(request);
  const projects = [...query.projects].toSorted();
  const sources = [
    auditSource(audit, request),
    ...projects.map((project) => serviceSource(services, project)),
  ];
  return await mergedPage(sources, query, request.pageToken);
}

function entryToMessage(entry: EntryJson): LogEntry {
  const options = { registry: anyTypes, ignoreUnknownFields: true };
  return fromJson(LogEntrySchema, entry as JsonValue, options);
}

/** Full names of the logs that hold entries of `projects/P`, or of a view in it. */
async function logNamesOf(
  audit: AuditReader,
  services: ReadServiceLogs | undefined,
  parent: string,
): Promise<string[]> {
  const recorded = await audit.logNames(parent);
  if (services === undefined) return recorded;
  const project = parent.split('/')[1]!;
  const logs = await services.logs.logNames(project);
  return [...recorded, ...logs.map((log) => serviceLogName(project, log))];
}

/** "Non-positive values are ignored"; a token is the last name that the page before gave. */
async function listLogs(
  audit: AuditReader,
  services: ReadServiceLogs | undefined,
  { parent, resourceNames, pageSize, pageToken }: ListLogsRequest,
): Promise<ListLogsResponse> {
  const parents = [parent, ...resourceNames].filter((name) => name !== '');
  const found = await Promise.all(
    [...new Set(parents)].map((name) => logNamesOf(audit, services, name)),
  );
  const after = placeOf(pageToken);
  const names = found
    .flat()
    .filter((name) => name > after)
    .toSorted();
  const size = pageSize > 0 ? Math.min(pageSize, logPageSizeMax) : logPageSizeDefault;
  const logNames = [...new Set(names)].slice(0, size);
  const hasMore = names.some((name) => name > (logNames.at(-1) ?? ''));
  const nextPageToken = hasMore ? Buffer.from(logNames.at(-1)!).toString('base64url') : '';
  return create(ListLogsResponseSchema, { logNames, nextPageToken });
}

function placeOf(token: string): string {
  const place = Buffer.from(token, 'base64url').toString();
  if (Buffer.from(place).toString('base64url') === token) return place;
  throw new RpcError('INVALID_ARGUMENT', 'BAD_PAGE_TOKEN', 'page_token is invalid.');
}
