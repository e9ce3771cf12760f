import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';

import { logEntryJson, type AuditReader, type LoggedEntry } from '../../audit/index.ts';
import { LogEntrySchema, type LogEntry } from '../../proto/google/logging/v2/log_entry_pb.ts';
import {
  ListLogEntriesResponseSchema,
  ListLogsResponseSchema,
  LoggingServiceV2,
  type ListLogsRequest,
  type ListLogsResponse,
} from '../../proto/google/logging/v2/logging_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import { anyTypes } from '../json/any-types.ts';
import { method, type ApiMethod } from '../method.ts';

const logPageSizeDefault = 50;
const logPageSizeMax = 1_000;

/** Reading with google.logging.v2.LoggingServiceV2: the audit log, and nothing else. */
export function loggingMethods(audit: AuditReader): ApiMethod[] {
  const service = LoggingServiceV2.method;
  return [
    method(service.listLogEntries, async (request) => {
      const { entries, nextPageToken } = await audit.read(request);
      const response = { entries: entries.map(entryToMessage), nextPageToken };
      return create(ListLogEntriesResponseSchema, response);
    }),
    method(service.listLogs, (request) => listLogs(audit, request)),
  ];
}

function entryToMessage(entry: LoggedEntry): LogEntry {
  return fromJson(LogEntrySchema, logEntryJson(entry) as JsonValue, { registry: anyTypes });
}

/** "Non-positive values are ignored"; a token is the last name that the page before gave. */
async function listLogs(
  audit: AuditReader,
  { parent, resourceNames, pageSize, pageToken }: ListLogsRequest,
): Promise<ListLogsResponse> {
  const parents = [parent, ...resourceNames].filter((name) => name !== '');
  const found = await Promise.all([...new Set(parents)].map((name) => audit.logNames(name)));
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
