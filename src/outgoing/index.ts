/**
 * outgoing: requests to addresses that users named, through one guarded client.
 *
 * Each address is checked when it is connected to. No redirect is followed, no header injected.
 */
export type { AddressPolicyOptions, Listening } from './address-policy.ts';
export { createEkmTransport } from './ekm-transport.ts';
export {
  createOutgoingClient,
  type OutgoingClientOptions,
  type OutgoingLimits,
} from './http-client.ts';
export {
  type OutgoingClient,
  OutgoingError,
  type OutgoingFailure,
  type OutgoingRequest,
  type OutgoingResponse,
  type OutgoingStream,
  type OutgoingStreamRequest,
} from './outgoing-client.ts';
export { createPushSender, type PushSenderOptions } from './push-sender.ts';
