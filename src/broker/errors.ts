import { RpcError } from '../rpc/index.ts';

/** The last segment of a resource's name, as Pub/Sub's own texts show it. */
const lastSegment = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

export function notFound(name: string): RpcError {
  return new RpcError(
    'NOT_FOUND',
    'RESOURCE_NOT_FOUND',
    `Resource not found (resource=${lastSegment(name)}).`,
  );
}

export function alreadyExists(name: string): RpcError {
  return new RpcError(
    'ALREADY_EXISTS',
    'RESOURCE_EXISTS',
    `Resource already exists in the project (resource=${lastSegment(name)}).`,
  );
}

/** Two changes of one resource met; the later one may be tried again. */
export function concurrentChange(name: string): RpcError {
  return new RpcError(
    'ABORTED',
    'CONCURRENT_CHANGE',
    `The resource was changed at the same time (resource=${lastSegment(name)}). Please try again.`,
  );
}

/** Pull and StreamingPull on a subscription whose messages are pushed. */
export function notPulled(): RpcError {
  return new RpcError(
    'FAILED_PRECONDITION',
    'SUBSCRIPTION_IS_PUSHED',
    'This method is not supported for this subscription type.',
  );
}

/** What would need the backlog that a detached subscription has no more. */
export function detached(name: string): RpcError {
  return new RpcError(
    'FAILED_PRECONDITION',
    'SUBSCRIPTION_DETACHED',
    `The subscription is detached from its topic and receives no messages (resource=${lastSegment(name)}). It cannot be attached again: delete it and create it anew.`,
  );
}

/** A drain has begun: clients try again, and meet whoever serves next. */
export function draining(): RpcError {
  return new RpcError(
    'UNAVAILABLE',
    'DRAINING',
    'The service was unable to fulfill your request. Please try again.',
  );
}
