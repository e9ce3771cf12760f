/**
 * wire: the protobuf form of messages, sliced on the way in and spliced on the way out.
 *
 * A message is parsed once, on receipt, to check it; what is sealed and delivered are its bytes.
 */
export { decodeMessage, sealableMessage, type MessageParts } from './message-codec.ts';
export {
  encodePublishResponse,
  parsePublishRequest,
  type ParsedPublish,
} from './publish-request.ts';
export {
  encodePullResponse,
  encodeReceivedMessages,
  encodeStreamingPullResponse,
  type SubscriptionProperties,
} from './received-messages.ts';
export { orderingKeyOf } from './ordering-key.ts';
export {
  encodeAttributes,
  keptFields,
  messageData,
  writeParts,
  type EncodedAttributes,
} from './replaced-attributes.ts';
export { varintBytes, writeVarint } from './varint.ts';
