import { RpcError } from '../rpc/index.ts';

/** UNIMPLEMENTED for a field that this server does not act on: better refused than forgotten. */
export function unsupportedField(message: string, field: string): RpcError {
  return new RpcError(
    'UNIMPLEMENTED',
    'FIELD_NOT_SUPPORTED',
    `The field "${field}" of ${message} is not supported by this server.`,
  );
}

/** UNIMPLEMENTED for a method: `google.pubsub.v1.Subscriber.Seek`. */
export function unsupportedMethod(rpc: string): RpcError {
  const message = `The method ${rpc} is not supported by this server.`;
  return new RpcError('UNIMPLEMENTED', 'METHOD_NOT_SUPPORTED', message);
}
