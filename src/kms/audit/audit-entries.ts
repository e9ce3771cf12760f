import type { AuditCaller, AuditEntry, AuditResource, AuditValue } from '../../audit/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { resourceOf, serverResource } from '../../iam/index.ts';
import type { KeyCaller } from '../key-service.ts';
import { parseKmsName, projectOfResource } from '../names.ts';
import { reservedProject } from '../reserved-project.ts';
import type { KeyOperation } from './key-operation.ts';

/** How a call ended, and what of its answer is recorded. */
export interface OperationEnd {
  readonly isGranted: boolean;
  readonly response?: AuditValue;
  readonly error?: RpcError;
}

/** Longer than any name of a resource can be: what is longer is none, and not kept whole. */
const nameLengthMax = 1_024;
const messageLengthMax = 4_096;

/** Who the service itself is, where it acts on its own behalf. */
const ownPrincipal = 'sealpost';

/**
 * The entry of one call, in the shape of Google's `cloudkms.googleapis.com`; null for a resource
 * of no project, which has no log to be in.
 */
export function auditEntryOf(call: KeyOperation, end: OperationEnd): AuditEntry | null {
  const resourceName = call.target ?? call.resource;
  const project = projectOf(resourceName);
  if (project === null) return null;
  const metadata = callerContext(call.caller);
  return {
    kind: call.kind,
    project,
    ...apiOf(resourceName, call.operation),
    resourceName: resourceName.slice(0, nameLengthMax),
    resource: monitoredResource(project, resourceName, call.operation),
    caller: auditCaller(call.caller),
    authorization: [
      {
        resource: call.resource.slice(0, nameLengthMax),
        permission: call.permission,
        granted: end.isGranted,
      },
    ],
    reason: {
      justification: call.caller.reason,
      ...(call.caller.purpose !== undefined && { text: call.caller.purpose }),
    },
    request: { '@type': requestType(call.operation), ...call.request },
    ...(end.response !== undefined && { response: end.response }),
    ...(metadata && { metadata }),
    ...(end.error && { status: statusOf(end.error) }),
  };
}

/** The server's own policy is in the log of the project that is the service's own. */
function projectOf(resourceName: string): string | null {
  return resourceName === serverResource ? reservedProject : projectOfResource(resourceName);
}

/** By which API a call was made: policies are of the API of what they stand on. */
function apiOf(
  resourceName: string,
  operation: string,
): Pick<AuditEntry, 'serviceName' | 'methodName'> {
  const isPolicy = operation.endsWith('IamPolicy') && parseKmsName(resourceName) === null;
  if (!isPolicy) return { serviceName: 'cloudkms.googleapis.com', methodName: operation };
  const { type } = resourceOf(resourceName, (project) => project);
  const serviceName = type.slice(0, type.indexOf('/'));
  const isPubsub = serviceName === 'pubsub.googleapis.com';
  return { serviceName, methodName: isPubsub ? `google.iam.v1.IAMPolicy.${operation}` : operation };
}

function requestType(operation: string): string {
  const isIam = operation.endsWith('IamPolicy') || operation.endsWith('IamPermissions');
  const packageName = isIam ? 'google.iam.v1' : 'google.cloud.kms.v1';
  return `type.googleapis.com/${packageName}.${operation}Request`;
}

function statusOf({ code, message, details }: RpcError): NonNullable<AuditEntry['status']> {
  const text = message.slice(0, messageLengthMax);
  return { code, message: text, ...(details.length > 0 && { details }) };
}

function auditCaller(caller: KeyCaller): AuditCaller {
  const { member, callerIp, userAgent } = caller;
  return {
    principalEmail: caller.principalEmail ?? principalOf(member),
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}

/** `serviceAccount:E` and `user:E` are E; nobody is known behind an operator who names nobody. */
function principalOf(member: string): string {
  const [kind, ...rest] = member.split(':');
  if (kind === 'operator') return 'anonymous';
  if (kind === 'service') return ownPrincipal;
  return rest.join(':') || member;
}

/** For what resource of its own a service used the key. */
function callerContext({ resource, isHealthCheck }: KeyCaller): AuditValue | null {
  if (resource === undefined && isHealthCheck !== true) return null;
  const context = {
    ...(resource !== undefined && { resource }),
    ...(isHealthCheck === true && { isHealthCheck }),
  };
  return { entries: { caller_provided_context: context } };
}

function monitoredResource(project: string, name: string, operation: string): AuditResource {
  const parsed = parseKmsName(name);
  if (parsed === null) {
    const { serviceName: service } = apiOf(name, operation);
    return {
      type: 'audited_resource',
      labels: { project_id: project, service, method: operation },
    };
  }
  const { location, keyRing, cryptoKey, version } = parsed;
  return {
    type: `cloudkms_${parsed.kind.toLowerCase()}`,
    labels: {
      project_id: project,
      location,
      key_ring_id: lastOf(keyRing),
      ...(cryptoKey !== undefined && { crypto_key_id: lastOf(cryptoKey) }),
      ...(version !== undefined && { crypto_key_version_id: String(version) }),
    },
  };
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
