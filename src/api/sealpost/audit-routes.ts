import { RpcError } from '../../rpc/index.ts';
import type { Route } from '../route.ts';
import { reportView, type VerificationControl } from './verification-routes.ts';

const service = 'sealpost.v1.Audit';
const template = '/sealpost/v1/audit:verify';

/**
 * Follows the chain of the audit log, as `sealpost audit verify` asks for: POST begins, or joins the
 * run that is under way, and GET tells how far it is.
 */
export function auditRoutes(verification: Pick<VerificationControl, 'start' | 'report'>): Route[] {
  return [
    {
      rpc: `${service}.StartVerification`,
      method: 'POST',
      template,
      handle: () => reportView(begun(verification)),
    },
    {
      rpc: `${service}.GetVerification`,
      method: 'GET',
      template,
      handle: () => reportView(verification.report()),
    },
  ];
}

/** Two auditors who ask at once look at the same run. */
function begun(
  verification: Pick<VerificationControl, 'start' | 'report'>,
): ReturnType<VerificationControl['report']> {
  try {
    return verification.start();
  } catch (error) {
    if (error instanceof RpcError && error.reason === 'VERIFICATION_RUNNING') {
      return verification.report();
    }
    throw error;
  }
}
