import { operator, type Principal } from '../../iam/index.ts';
import { callerClaims, type CallerClaims } from '../../remote-kms/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Access } from './access.ts';

const permission = 'sealpost.serviceAgents.actAs';

/**
 * For whom a caller says that it uses keys, if it may say so: a broker that has its keys here.
 *
 * @throws RpcError INVALID_ARGUMENT for claims that are none, PERMISSION_DENIED for another's
 */
export function believedClaims(
  access: Access,
  principal: Principal,
  header: (name: string) => string | undefined,
): CallerClaims {
  const claims = callerClaims(header);
  if (principal === operator || Object.keys(claims).length === 0) return claims;
  if (access.isGranted(principal, permission)) return claims;
  const text = `Permission '${permission}' denied on resource 'organizations/sealpost' (or it may not exist).`;
  throw new RpcError('PERMISSION_DENIED', 'CALLER_CLAIMS_DENIED', text);
}
