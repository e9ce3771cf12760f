import type { AuditEntry } from '../../audit/index.ts';
import { parsePubsubName, type RpcError } from '../../rpc/index.ts';
import { domainOf } from '../error-mapping.ts';
import type { RestCall } from '../route.ts';

const textMax = 1_024;

/** The entry of a look into a subscription; null if it names none, in whose project's log it could be. */
export function peekEntry(call: RestCall, rpc: string, error?: RpcError): AuditEntry | null {
  const name = call.params['name'] ?? '';
  const parsed = parsePubsubName(name, 'subscriptions');
  if (parsed === undefined) return null;
  const { principal, callerIp, userAgent } = call;
  return {
    kind: 'data_access',
    project: parsed.project,
    serviceName: domainOf(rpc),
    methodName: rpc,
    resourceName: name,
    resource: {
      type: 'pubsub_subscription',
      labels: { project_id: parsed.project, subscription_id: parsed.id },
    },
    caller: {
      principalEmail: principal.email,
      ...(callerIp !== undefined && { callerIp }),
      ...(userAgent !== undefined && { userAgent }),
    },
    authorization: [{ resource: name, permission: 'pubsub.subscriptions.consume', granted: true }],
    request: { name, ...asked(call.query) },
    ...(error && { status: { code: error.code, message: error.message.slice(0, textMax) } }),
  };
}

/** What was asked for, and nothing else: a query may also hold an API key. */
function asked(query: URLSearchParams): Record<string, string> {
  const names = ['page_size', 'pageSize', 'page_token', 'pageToken', 'max_bytes', 'maxBytes'];
  const given = names.filter((name) => query.has(name));
  return Object.fromEntries(given.map((name) => [name, query.get(name)!.slice(0, textMax)]));
}
