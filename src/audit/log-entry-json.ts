import { formatTimestamp, statusTable } from '../rpc/index.ts';
import type { AuditKind, AuditValue, LoggedEntry } from './audit-entry.ts';

const typeUrl = 'type.googleapis.com/google.cloud.audit.AuditLog';

/** Google's severities for audit entries: what failed is an error. */
function severityOf({ kind, status }: LoggedEntry): 'ERROR' | 'INFO' | 'NOTICE' {
  if (status !== undefined) return 'ERROR';
  return kind === 'data_access' ? 'INFO' : 'NOTICE';
}

/** `projects/P/logs/cloudaudit.googleapis.com%2Factivity`. */
export function logNameOf(project: string, kind: AuditKind): string {
  return `projects/${project}/logs/cloudaudit.googleapis.com%2F${kind}`;
}

/**
 * The JSON form of a google.logging.v2.LogEntry whose protoPayload is a google.cloud.audit.AuditLog.
 *
 * An access reason is where a request's reason is, in `requestMetadata.requestAttributes.reason`;
 * what a service says it needed the key for is `metadata.entries.caller_provided_context.purpose`.
 */
export function logEntryJson(entry: LoggedEntry): { readonly [name: string]: AuditValue } {
  const { insertId, project, kind, resource, timeMs } = entry;
  const timestamp = formatTimestamp(timeMs);
  return {
    protoPayload: payloadOf(entry, timestamp),
    insertId,
    resource: { type: resource.type, labels: resource.labels },
    timestamp,
    severity: severityOf(entry),
    logName: logNameOf(project, kind),
    receiveTimestamp: timestamp,
  };
}

function payloadOf(entry: LoggedEntry, time: string): AuditValue {
  const { serviceName, methodName, resourceName, authorization, request, response } = entry;
  const metadata = metadataOf(entry);
  return {
    '@type': typeUrl,
    status: statusOf(entry),
    authenticationInfo: { principalEmail: entry.caller.principalEmail },
    requestMetadata: requestMetadataOf(entry, time),
    serviceName,
    methodName,
    authorizationInfo: authorization.map((each) => ({ ...each, resourceAttributes: {} })),
    resourceName,
    ...(request === undefined ? {} : { request }),
    ...(response === undefined ? {} : { response }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** Empty for what succeeded, as Google's entries have it. */
function statusOf({ status }: LoggedEntry): AuditValue {
  if (status === undefined) return {};
  const { code, message, details = [] } = status;
  return {
    code: statusTable[code].number,
    message,
    ...(details.length === 0 ? {} : { details: details as unknown as AuditValue[] }),
  };
}

function requestMetadataOf({ caller, reason }: LoggedEntry, time: string): AuditValue {
  const { callerIp, userAgent } = caller;
  const justification = reason?.justification;
  return {
    ...(callerIp === undefined ? {} : { callerIp }),
    ...(userAgent === undefined ? {} : { callerSuppliedUserAgent: userAgent }),
    requestAttributes: { time, ...(justification === undefined ? {} : { reason: justification }) },
    destinationAttributes: {},
  };
}

function metadataOf({ metadata, reason }: LoggedEntry): AuditValue | undefined {
  if (reason?.text === undefined) return metadata;
  const given = memberOf(metadata);
  const entries = memberOf(given['entries']);
  const context = { ...memberOf(entries['caller_provided_context']), purpose: reason.text };
  return { ...given, entries: { ...entries, caller_provided_context: context } };
}

function memberOf(value: AuditValue | undefined): { readonly [name: string]: AuditValue } {
  return isObject(value) ? value : {};
}

function isObject(value: AuditValue | undefined): value is { readonly [name: string]: AuditValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
