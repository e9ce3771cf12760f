import { RpcError } from '../../rpc/index.ts';
import type { KeyState } from '../keys/key-state.ts';

/** Why nothing starts under a key in such a state, in the seed's words. */
export function keyRefusal({ condition, cause, message }: KeyState): RpcError {
  if (condition === 'THROTTLED') {
    return new RpcError('RESOURCE_EXHAUSTED', 'ENCRYPTION_KEY_QUOTA_EXCEEDED', message);
  }
  if (condition === 'UNREACHABLE') {
    return new RpcError('UNAVAILABLE', 'ENCRYPTION_KEY_UNREACHABLE', message);
  }
  if (cause === 'denied') {
    return new RpcError('PERMISSION_DENIED', 'ENCRYPTION_KEY_PERMISSION_DENIED', message);
  }
  return new RpcError('FAILED_PRECONDITION', 'ENCRYPTION_KEY_CHECK_FAILED', message);
}
