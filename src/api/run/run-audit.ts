import type { AuditEntry, AuditValue, AuditWriter, AuthorizationInfo } from '../../audit/index.ts';
import type { FieldOf } from '../../iam/index.ts';
import { parseProjectName, RpcError } from '../../rpc/index.ts';
import type { JsonValue } from '../json.ts';
import { askedPermissions } from '../audit/asked-permissions.ts';
import type { RunAnswer, RunMethod } from './run-method.ts';
import type { RunRequest } from './run-request.ts';

/** Where calls of the Run API are recorded. */
export interface RunAudit {
  readonly writer: AuditWriter;
  /** Whether reads are recorded, as data access. */
  readonly recordsReads: boolean;
}

type CallEnd = { readonly answer: RunAnswer } | { readonly error: RpcError };

const objectCharactersMax = 65_536;

/**
 * Calls a method, and writes its entry before the answer, a failure's too. A write whose entry
 * cannot be written is answered with UNAVAILABLE, which says that it was made.
 */
export async function recorded(
  method: RunMethod,
  request: RunRequest,
  audit: RunAudit | undefined,
): Promise<RunAnswer> {
  const end = await endOf(method, request);
  const isRecorded = method.isWrite === true || audit?.recordsReads === true;
  const isInProject = parseProjectName(`projects/${request.project}`) !== undefined;
  if (audit !== undefined && isRecorded && isInProject) {
    await audit.writer.append(entryOf(method, request, end)).catch((cause: unknown) => {
      throw 'error' in end ? end.error : unrecorded(method, cause);
    });
  }
  if ('error' in end) throw end.error;
  return end.answer;
}

async function endOf(method: RunMethod, request: RunRequest): Promise<CallEnd> {
  try {
    return { answer: await method.handle(request) };
  } catch (thrown) {
    return { error: asRunSays(RpcError.from(thrown)) };
  }
}

/**
 * What is not supported is the caller's error here, as Cloud Run says it: gcloud takes a 501 for a
 * bad network, and asks again for half a minute.
 */
function asRunSays(error: RpcError): RpcError {
  if (error.code !== 'UNIMPLEMENTED') return error;
  const { reason, message, details } = error;
  return new RpcError('INVALID_ARGUMENT', reason, message, { details, cause: error });
}

function unrecorded({ isWrite }: RunMethod, cause: unknown): RpcError {
  const text = isWrite
    ? 'The change was made, but the audit log cannot be written.'
    : 'The audit log cannot be written, and nothing is read that it does not record.';
  return new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', text, { cause });
}

function entryOf(method: RunMethod, request: RunRequest, end: CallEnd): AuditEntry {
  const { project, call } = request;
  const resource = resourceOf(request);
  return {
    kind: method.isWrite ? 'activity' : 'data_access',
    project,
    serviceName: 'run.googleapis.com',
    methodName: method.rpc,
    resourceName: resource.name,
    resource: { type: 'cloud_run_revision', labels: resource.labels },
    caller: {
      principalEmail: request.caller.principal,
      ...(call.callerIp === undefined ? {} : { callerIp: call.callerIp }),
      ...(call.userAgent === undefined ? {} : { userAgent: call.userAgent }),
    },
    authorization: authorizationOf(method, request, resource.name),
    request: requestValue(method, request),
    ...('answer' in end && method.isWrite ? { response: recordable(end.answer.json) } : {}),
    ...('error' in end ? { status: statusOf(end.error, request) } : {}),
  };
}

/** Cloud Run's own permissions are written down of what the entry is about. */
function authorizationOf(
  { rpc }: RunMethod,
  request: RunRequest,
  resource: string,
): AuthorizationInfo[] {
  const fields = request.fields();
  // A body that could not be read named no account.
  const read: FieldOf = (path) =>
    path === 'service_account' && request.body === undefined ? '' : fields(path);
  return askedPermissions(rpc, read).map((asked) =>
    asked.permission.startsWith('run.') ? { ...asked, resource } : asked,
  );
}

/** As Cloud Run's entries name it: `namespaces/P/services/S`. */
function resourceOf(request: RunRequest): {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
} {
  const { project, location, revisionId } = request;
  const serviceId = request.serviceId || request.ownerId || nameIn(request.body);
  const parts = ['namespaces', project];
  if (revisionId !== '') parts.push('revisions', revisionId);
  else if (serviceId !== '') parts.push('services', serviceId);
  const labels = {
    project_id: project,
    location,
    service_name: serviceId.slice(0, 100),
    configuration_name: serviceId.slice(0, 100),
    revision_name: revisionId.slice(0, 100),
  };
  return { name: parts.join('/').slice(0, 1_024), labels };
}

function nameIn(body: JsonValue | undefined): string {
  const metadata = memberOf(body, 'metadata');
  const name = memberOf(metadata, 'name');
  return typeof name === 'string' ? name.toWellFormed() : '';
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && Object.hasOwn(value, name) ? value[name] : undefined;
}

function requestValue(method: RunMethod, { call, body }: RunRequest): AuditValue {
  const name = method.rpc.slice(method.rpc.lastIndexOf('.') + 1);
  const dryRun = call.query.get('dryRun');
  return {
    '@type': `type.googleapis.com/google.cloud.run.v1.${name}Request`,
    ...(dryRun === null ? {} : { dryRun: dryRun.slice(0, 100).toWellFormed() }),
    ...(body === undefined ? {} : { body: recordable(body) }),
  };
}

/** A failed request that could not be read may be quoted in its error, secrets and all. */
function statusOf(
  { code, message }: RpcError,
  { body, call }: RunRequest,
): NonNullable<AuditEntry['status']> {
  const isUnread = body === undefined && call.body.length > 0;
  return { code, message: isUnread ? 'The request could not be read.' : message };
}

/** An object without the values of environment variables and headers, which often are secrets. */
function recordable(value: JsonValue): AuditValue {
  if (JSON.stringify(value).length > objectCharactersMax) return { omitted: 'too large' };
  return withoutSecrets(value, false);
}

const secretLists: ReadonlySet<string> = new Set(['env', 'httpHeaders', 'http_headers']);

function withoutSecrets(value: JsonValue, isSecret: boolean): AuditValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, isSecret));
  const kept = Object.entries(value).filter(([name]) => !isSecret || name === 'name');
  return Object.fromEntries(
    kept.map(([name, each]) => [name, withoutSecrets(each, isSecret || secretLists.has(name))]),
  );
}
