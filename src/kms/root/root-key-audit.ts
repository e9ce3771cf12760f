import type { AuditCaller, AuditEntry } from '../../audit/index.ts';
import type { RpcError } from '../../rpc/index.ts';
import { reservedProject } from '../reserved-project.ts';
import type { SealSource } from './seals/seal-record.ts';

/** What is recorded of a new seal; never a path of a secret. */
export interface RootKeyChange {
  /** Of the key in force before. */
  readonly rootKeyId: string;
  readonly from: SealSource;
  readonly to: SealSource;
  readonly isNewKey: boolean;
}

/** Written before the switch, so that no seal comes into force unrecorded; and for each failure. */
export function auditEntryOf(
  { rootKeyId, from, to, isNewKey }: RootKeyChange,
  caller: AuditCaller,
  failure?: RpcError,
): AuditEntry {
  return {
    kind: 'activity',
    project: reservedProject,
    serviceName: 'sealpost',
    methodName: 'sealpost.v1.RootKey.Reseal',
    resourceName: `rootKeys/${rootKeyId}`,
    resource: { type: 'sealpost_root_key', labels: { root_key_id: rootKeyId } },
    caller,
    authorization: [],
    request: { '@type': 'type.googleapis.com/sealpost.v1.ResealRootKeyRequest', to, isNewKey },
    metadata: { from },
    ...(failure !== undefined && {
      status: { code: failure.code, message: failure.message, details: failure.details },
    }),
  };
}
