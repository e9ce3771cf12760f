import { RpcError } from '../../rpc/index.ts';
import type { SchemaEncoding, SchemaType } from '../../schemas/index.ts';

const reasons = {
  AVRO: { JSON: 'INVALID_JSON_AVRO_MESSAGE', BINARY: 'INVALID_BINARY_AVRO_MESSAGE' },
  PROTOCOL_BUFFER: { JSON: 'INVALID_JSON_PROTO_MESSAGE', BINARY: 'INVALID_BINARY_PROTO_MESSAGE' },
} as const;

const failed = 'Message failed schema validation';

/**
 * Why a message is refused, as Google says it. `revisionInfo` is for the publisher: it may quote
 * names of the schema, and bits of the message.
 */
export function schemaViolation(
  type: SchemaType,
  encoding: SchemaEncoding,
  revisionInfo: string,
): RpcError {
  const reason = reasons[type][encoding];
  return new RpcError('INVALID_ARGUMENT', reason, `Invalid data in message: ${failed}.`, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason,
        domain: 'pubsub.googleapis.com',
        metadata: { message: failed, revisionInfo },
      },
    ],
  });
}
