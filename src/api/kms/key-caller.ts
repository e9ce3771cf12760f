import { operatorMember, type KeyCaller } from '../../kms/index.ts';
import type { ApiCall } from '../method.ts';

/** Whoever reaches the API, as nobody is authenticated there yet, unless it claims to be less. */
export function keyCaller({ callerIp, userAgent, callerClaims }: ApiCall): KeyCaller {
  return {
    member: operatorMember,
    reason: 'CUSTOMER_INITIATED_ACCESS',
    ...callerClaims,
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
