import type { DescMessage, Message } from '@bufbuild/protobuf';

import type {
  AuditEntry,
  AuditResource,
  AuditValue,
  AuthorizationInfo,
} from '../../audit/index.ts';
import { parseProjectName, RpcError } from '../../rpc/index.ts';
import { messageFields } from '../access/request-fields.ts';
import { messageToJson } from '../json/proto-json.ts';
import { rpcName, type ApiCall, type ApiMethod } from '../method.ts';
import { askedPermissions } from './asked-permissions.ts';
import type { PubsubOperation } from './pubsub-operations.ts';

/** How a call ended: its answer, or what it threw. */
export type CallEnd = { readonly answer: Message } | { readonly error: RpcError };

export interface EndedCall {
  readonly method: ApiMethod;
  readonly operation: PubsubOperation;
  readonly request: Message;
  readonly call: ApiCall;
  readonly end: CallEnd;
  /** Of the topic that the call is about, where it has one. */
  readonly kmsKeyName: string | undefined;
  /** Whether the caller has a permission on a resource; asked about calls that were refused. */
  readonly isGranted: (permission: string, resource: string) => boolean;
}

const nameLengthMax = 1_024;
/** Kinds of monitored resources; schemas have none of their own. */
const monitored = {
  topics: 'topic',
  subscriptions: 'subscription',
  snapshots: 'snapshot',
} as const;
/** Of a text in a request or an answer: definitions of schemas are long. */
const textLengthMax = 16_384;
/** Of a request or an answer as JSON: a call that is refused costs its caller nothing. */
const recordedLengthMax = 131_072;

/** The entry of a call; null if it names no project, in whose log it could be. */
export function pubsubEntry(ended: EndedCall): AuditEntry | null {
  const { method, operation, call, end, kmsKeyName } = ended;
  const name = resourceNameOf(ended);
  const project = projectOf(name);
  if (project === undefined) return null;
  const status = 'error' in end ? { status: statusOf(end.error, ended.request) } : {};
  return {
    kind: operation.kind,
    project,
    serviceName: 'pubsub.googleapis.com',
    methodName: rpcName(method.desc),
    resourceName: name,
    resource: resourceOf(operation, name, project),
    caller: {
      principalEmail: call.principal.email,
      ...(call.callerIp === undefined ? {} : { callerIp: call.callerIp }),
      ...(call.userAgent === undefined ? {} : { userAgent: call.userAgent }),
    },
    authorization: authorizationOf(ended),
    request: recorded(method.desc.input, ended.request, operation.hiddenField),
    ...('answer' in end ? answerOf(method.desc.output, end.answer) : {}),
    ...(kmsKeyName === undefined ? {} : { metadata: { kmsKeyName } }),
    ...status,
  };
}

/** What a dotted field of a message holds, if that is a text. */
export function textAt(message: Message, field: string): string {
  let value: unknown = message;
  for (const part of field.split('.'))
    value = (value as Record<string, unknown> | undefined)?.[part];
  return typeof value === 'string' ? value : '';
}

/** As the request names it; a name that the server drew is in the answer. */
function resourceNameOf({ operation, request, end }: EndedCall): string {
  const asked = askedName(operation, request);
  const given = asked === '' && 'answer' in end ? textAt(end.answer, 'name') : asked;
  return given.slice(0, nameLengthMax);
}

function askedName({ field, idField, on }: PubsubOperation, request: Message): string {
  const named = textAt(request, field);
  return idField === undefined ? named : `${named}/${on}/${textAt(request, idField)}`;
}

function projectOf(name: string): string | undefined {
  return parseProjectName(name.split('/').slice(0, 2).join('/'));
}

function resourceOf({ on }: PubsubOperation, name: string, project: string): AuditResource {
  const id = name.split('/').slice(3).join('/');
  if (id === '' || on === 'schemas') {
    const labels = { project_id: project, service: 'pubsub.googleapis.com' };
    return { type: 'audited_resource', labels };
  }
  const what = monitored[on];
  return { type: `pubsub_${what}`, labels: { project_id: project, [`${what}_id`]: id } };
}

/** A call that went further than the door had all that it asks for. */
function authorizationOf({ method, request, end, isGranted }: EndedCall): AuthorizationInfo[] {
  const isRefused = 'error' in end && end.error.code === 'PERMISSION_DENIED';
  const asked = askedPermissions(rpcName(method.desc), messageFields(request));
  if (!isRefused) return asked;
  return asked.map((each) => ({ ...each, granted: isGranted(each.permission, each.resource) }));
}

function answerOf(desc: DescMessage, answer: Message): { response?: AuditValue } {
  // Reads would fill the log with what is stored anyway, and Empty says nothing.
  const isResource = ['Topic', 'Subscription', 'Snapshot', 'Schema'].includes(desc.name);
  return isResource ? { response: recorded(desc, answer) } : {};
}

/**
 * What is larger than any that is taken, or has no words in JSON, such as an impossible Duration, is
 * named and no more.
 */
function recorded(desc: DescMessage, message: Message, hiddenField = ''): AuditValue {
  const type = { '@type': `type.googleapis.com/${desc.typeName}` };
  try {
    const { [hiddenField]: _hidden, ...json } = messageToJson(desc, message as never) as {
      readonly [name: string]: AuditValue;
    };
    const short = shortened(json) as object;
    return JSON.stringify(short).length > recordedLengthMax ? type : { ...type, ...short };
  } catch {
    return type;
  }
}

/** The query of a push endpoint often holds a token that only the endpoint should know. */
function shortened(value: AuditValue): AuditValue {
  if (typeof value === 'string' && value.length > textLengthMax) {
    return `${value.slice(0, textLengthMax)}…`;
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(shortened);
  return Object.fromEntries(
    Object.entries(value).map(([name, each]: [string, AuditValue]) => [
      name,
      name === 'pushEndpoint' && typeof each === 'string' ? withoutQuery(each) : shortened(each),
    ]),
  );
}

function withoutQuery(endpoint: string): string {
  return endpoint.replace(/[?#].*$/s, '?…');
}

/** Errors repeat an endpoint that is refused. */
function statusOf(
  { code, message, details }: RpcError,
  request: Message,
): NonNullable<AuditEntry['status']> {
  const fields = ['pushConfig.pushEndpoint', 'subscription.pushConfig.pushEndpoint'];
  const endpoint = fields.map((field) => textAt(request, field)).find((text) => text !== '') ?? '';
  const hidden = (text: string): string =>
    endpoint === '' ? text : text.replaceAll(endpoint, () => withoutQuery(endpoint));
  const kept = details.map((detail) => hiddenIn(detail, hidden) as typeof detail);
  return { code, message: hidden(message), ...(kept.length === 0 ? {} : { details: kept }) };
}

/** The same with every text in it changed. */
function hiddenIn(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value);
  if (Array.isArray(value)) return value.map((each) => hiddenIn(each, hide));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, hiddenIn(each, hide)]),
  );
}
