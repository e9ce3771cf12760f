import { create } from '@bufbuild/protobuf';

import { invalidArgument } from '../../broker/index.ts';
import {
  Compression_CompressionAlgorithm as Algorithm,
  Compression_CompressionMode as Mode,
  CompressionSchema,
  JavaScriptUDFSchema,
  MessageTransformSchema,
  type Compression,
  type JavaScriptUDF,
  type MessageTransform as TransformMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import type { MessageTransform } from '../../transforms/index.ts';
import { unsupportedField } from '../unsupported.ts';

/** Of a topic or a subscription, disabled ones included. */
const transformsMax = 5;
const codeBytesMax = 20 * 1024;

/**
 * The transforms of a topic or a subscription, checked as far as that goes without running them.
 * `field` names them in the texts. Throws INVALID_ARGUMENT, and UNIMPLEMENTED for AI inference.
 */
export function transformsFromMessages(
  messages: readonly TransformMessage[],
  field: string = 'message_transforms',
): MessageTransform[] {
  if (messages.length > transformsMax) {
    throw invalidArgument(
      `${field}: ${messages.length} transforms, but there may be at most ${transformsMax}`,
    );
  }
  const transforms = messages.map((message, i) => transformFromMessage(message, `${field}[${i}]`));
  checkNames(transforms, field);
  return transforms;
}

/** The property of a topic or a subscription that has some; none without. */
export function transformsOf({
  messageTransforms,
}: {
  readonly messageTransforms: readonly TransformMessage[];
}): { readonly messageTransforms?: readonly MessageTransform[] } {
  if (messageTransforms.length === 0) return {};
  return { messageTransforms: transformsFromMessages(messageTransforms) };
}

/** One of them. */
export function transformFromMessage(message: TransformMessage, field: string): MessageTransform {
  const { transform, disabled, enabled } = message;
  const flags = { disabled, ...(enabled && { enabled: true as const }) };
  switch (transform.case) {
    case 'javascriptUdf':
      return { ...flags, javascriptUdf: udfFrom(transform.value, `${field}.javascript_udf`) };
    case 'compression':
      return { ...flags, compression: compressionFrom(transform.value, `${field}.compression`) };
    case 'aiInference':
      throw unsupportedField('google.pubsub.v1.MessageTransform', 'ai_inference');
    default:
      throw invalidArgument(`${field}: must have a transform`);
  }
}

/** As it was given. */
export function transformToMessage(transform: MessageTransform): TransformMessage {
  const { disabled, enabled, javascriptUdf, compression } = transform;
  const flags = { disabled, enabled: enabled === true };
  if (javascriptUdf !== undefined) {
    const value = create(JavaScriptUDFSchema, javascriptUdf);
    return create(MessageTransformSchema, {
      ...flags,
      transform: { case: 'javascriptUdf', value },
    });
  }
  const value = create(CompressionSchema, {
    compressionAlgorithm: Algorithm.ZLIB,
    compressionMode: Mode[compression?.mode ?? 'COMPRESS'],
  });
  return create(MessageTransformSchema, { ...flags, transform: { case: 'compression', value } });
}

function udfFrom(
  { functionName, code }: JavaScriptUDF,
  field: string,
): NonNullable<MessageTransform['javascriptUdf']> {
  if (functionName === '') throw invalidArgument(`${field}.function_name: must not be empty`);
  if (code === '') throw invalidArgument(`${field}.code: must not be empty`);
  const bytes = Buffer.byteLength(code);
  if (bytes > codeBytesMax) {
    throw invalidArgument(
      `${field}.code: ${bytes} bytes, but there may be at most ${codeBytesMax}`,
    );
  }
  return { functionName, code };
}

function compressionFrom(
  { compressionAlgorithm, compressionMode }: Compression,
  field: string,
): NonNullable<MessageTransform['compression']> {
  if (compressionAlgorithm !== Algorithm.ZLIB) {
    throw invalidArgument(`${field}.compression_algorithm: must be ZLIB`);
  }
  if (compressionMode === Mode.COMPRESS) return { algorithm: 'ZLIB', mode: 'COMPRESS' };
  if (compressionMode === Mode.DECOMPRESS) return { algorithm: 'ZLIB', mode: 'DECOMPRESS' };
  throw invalidArgument(`${field}.compression_mode: must be COMPRESS or DECOMPRESS`);
}

function checkNames(transforms: readonly MessageTransform[], field: string): void {
  const names = new Set<string>();
  for (const [i, { javascriptUdf }] of transforms.entries()) {
    if (javascriptUdf === undefined) continue;
    const { functionName } = javascriptUdf;
    if (names.has(functionName)) {
      throw invalidArgument(
        `${field}[${i}].javascript_udf.function_name: another has the name ${functionName.slice(0, 200)}`,
      );
    }
    names.add(functionName);
  }
}
