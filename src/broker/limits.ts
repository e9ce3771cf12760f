import { RpcError } from '../rpc/index.ts';

/** The limits of pubsub.v1, as production enforces them. */
export const limits = {
  messagesPerPublishMax: 1_000,
  requestBytesMax: 10_000_000,
  attributesMax: 100,
  attributeKeyBytesMax: 256,
  attributeValueBytesMax: 1_024,
  orderingKeyBytesMax: 1_024,
  pullMessagesMax: 1_000,
  ackDeadlineSecondsMin: 10,
  ackDeadlineSecondsMax: 600,
  schemaBytesMax: 300_000,
} as const;

/** Google's sentence for a number above its limit. */
export function tooLarge(field: string, value: number, max: number): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_TOO_LARGE',
    `The value for ${field} is too large. You passed ${value} in the request, but the maximum value is ${max}.`,
  );
}

/** Google's sentence for a number below its limit. */
export function tooSmall(field: string, value: number, min: number): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'VALUE_TOO_SMALL',
    `The value for ${field} is too small. You passed ${value} in the request, but the minimum value is ${min}.`,
  );
}

/** Google's sentence for any other bad argument; `argument` names the field and the rule. */
export function invalidArgument(argument: string): RpcError {
  return new RpcError(
    'INVALID_ARGUMENT',
    'INVALID_ARGUMENT',
    `You have passed an invalid argument to the service (argument=${argument}).`,
  );
}
