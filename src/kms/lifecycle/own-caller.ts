import { serviceMember } from '../iam/key-access.ts';
import type { KeyCaller } from '../key-service.ts';

/** The service as the author of what falls due. */
export const ownCaller: KeyCaller = {
  member: serviceMember,
  reason: 'GOOGLE_INITIATED_SYSTEM_OPERATION',
};
