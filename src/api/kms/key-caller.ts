import { operator } from '../../iam/index.ts';
import { operatorMember, type KeyCaller } from '../../kms/index.ts';
import type { ApiCall } from '../method.ts';

/**
 * Whoever the API has let in acts as the operator, unless it claims to be less; the audit log has who
 * it is, or whom it claims to be.
 */
export function keyCaller(call: ApiCall): KeyCaller {
  const { principal, callerIp, userAgent, callerClaims } = call;
  const isItself = principal !== operator && callerClaims?.member === undefined;
  return {
    member: operatorMember,
    reason: 'CUSTOMER_INITIATED_ACCESS',
    ...(isItself && { principalEmail: principal.email }),
    ...callerClaims,
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
