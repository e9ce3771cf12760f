import { operatorMember, type KeyCaller } from '../../kms/index.ts';
import type { ApiCall } from '../method.ts';

/** Whoever reaches the API: nobody is authenticated there yet. */
export function keyCaller({ callerIp, userAgent }: ApiCall): KeyCaller {
  return {
    member: operatorMember,
    reason: 'CUSTOMER_INITIATED_ACCESS',
    ...(callerIp !== undefined && { callerIp }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
