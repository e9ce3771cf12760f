import type { AuditCaller, AuditValue, AuditWriter } from '../../audit/index.ts';
import { RpcError } from '../../rpc/index.ts';

/** A change of accounts, as it is recorded. */
export interface AccountChange {
  /** `google.iam.admin.v1.CreateServiceAccount`: as Google's own log names it. */
  readonly method: string;
  readonly permission: string;
  readonly project: string;
  /** `projects/P/serviceAccounts/EMAIL`, and what is under it. */
  readonly resourceName: string;
  readonly email: string;
  readonly uid: string;
  readonly caller: AuditCaller;
  /** Without secrets. */
  readonly request: { readonly [name: string]: AuditValue };
}

/**
 * Makes a change, and writes its entry before it is answered, a failure's too.
 *
 * @throws RpcError UNAVAILABLE if the change was made and could not be recorded
 */
export async function auditedChange<T>(
  writer: AuditWriter,
  change: AccountChange,
  make: () => Promise<T>,
): Promise<T> {
  let made: T;
  try {
    made = await make();
  } catch (thrown) {
    const error = RpcError.from(thrown);
    // The failure is what its caller must hear of, whether or not it could be recorded.
    await append(writer, change, error).catch(() => undefined);
    throw thrown;
  }
  try {
    await append(writer, change);
    return made;
  } catch (cause) {
    const text = 'The change was made, but the audit log cannot be written.';
    throw new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', text, { cause });
  }
}

async function append(
  writer: AuditWriter,
  { method, permission, project, resourceName, email, uid, caller, request }: AccountChange,
  error?: RpcError,
): Promise<void> {
  await writer.append({
    kind: 'activity',
    project,
    serviceName: 'iam.googleapis.com',
    methodName: method,
    resourceName,
    resource: {
      type: 'service_account',
      labels: { project_id: project, email_id: email, unique_id: uid },
    },
    caller,
    authorization: [{ resource: resourceName, permission, granted: true }],
    request: { '@type': `type.googleapis.com/${method}Request`, ...request },
    ...(error && { status: { code: error.code, message: error.message } }),
  });
}
