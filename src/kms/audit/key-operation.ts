import type { AuditKind, AuditValue } from '../../audit/index.ts';
import { permissionOfMethod } from '../../iam/index.ts';
import type { KeyCaller } from '../key-service.ts';

/** One call of the key service, as access control and the audit log see it. */
export interface KeyOperation {
  /** Cloud KMS's short name of the method: `Encrypt`, `CreateCryptoKey`. */
  readonly operation: string;
  /** The resource on which the permission is asked: the parent, where something is made or listed. */
  readonly resource: string;
  /** What the entry is about, where that is another: the resource that is made. */
  readonly target?: string;
  /** `cloudkms.cryptoKeys.create`. */
  readonly permission: string;
  readonly caller: KeyCaller;
  /** Of a `system_event` the service itself is the author: nobody is asked whether it may. */
  readonly kind: AuditKind;
  /** The request's fields without plaintext, ciphertext, associated data and key bytes. */
  readonly request?: Readonly<Record<string, AuditValue>>;
}

const changePattern = /^(?:Create|Update|Delete|Destroy|Restore|SetIam)/;

/** The operation of a method of the API on `resource`. */
export function keyOperation(
  operation: string,
  resource: string,
  caller: KeyCaller,
  more: Pick<KeyOperation, 'target' | 'request'> = {},
): KeyOperation {
  return {
    operation,
    resource,
    caller,
    permission: permissionOfMethod(operation, resource) ?? '',
    kind: changePattern.test(operation) ? 'activity' : 'data_access',
    ...more,
  };
}
