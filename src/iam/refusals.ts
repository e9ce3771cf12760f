import { RpcError } from '../rpc/index.ts';

/** A permission that somebody lacks, and where. */
export interface Refusal {
  readonly rpc: string;
  readonly permission: string;
  /** As the request names it. */
  readonly resource: string;
}

const nameLengthMax = 1_024;

/**
 * PERMISSION_DENIED in the words of the service whose permission it is: the same whether the
 * resource exists or not.
 */
export function refusalError({ rpc, permission, resource }: Refusal): RpcError {
  const text = textOf(rpc, permission, resource.slice(0, nameLengthMax).toWellFormed());
  return new RpcError('PERMISSION_DENIED', 'IAM_PERMISSION_DENIED', text);
}

/** A method that is in no row of the table. */
export function unlistedError(rpc: string): RpcError {
  const text = `The method ${rpc} is for nobody but the operator.`;
  return new RpcError('PERMISSION_DENIED', 'IAM_PERMISSION_DENIED', text);
}

function textOf(rpc: string, permission: string, resource: string): string {
  if (permission.startsWith('pubsub.')) return 'User not authorized to perform this action.';
  if (permission === 'logging.logEntries.list') return 'Permission denied for all log views';
  const isRun = rpc.startsWith('google.cloud.run.');
  const hint = isRun ? '(or resource may not exist)' : '(or it may not exist)';
  return `Permission '${permission}' denied on resource '${resource}' ${hint}.`;
}
