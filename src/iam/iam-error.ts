import { RpcError, type ErrorDetail } from '../rpc/index.ts';

/** A field of a policy, or of a request about one, that says what cannot be. */
export function fieldError(field: string, message: string): RpcError {
  const detail: ErrorDetail = {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: [{ field, description: message }],
  };
  return new RpcError('INVALID_ARGUMENT', 'BAD_REQUEST_FIELD', message, { details: [detail] });
}
