/**
 * client: publish to and subscribe on a Sealpost server, from browsers and from Node 22 or newer.
 *
 * Speaks proto/sealpost/v1/websocket.proto. Imports nothing, of ours or of others: a page loads
 * these modules as they are. docs/client.md describes it.
 */
export {
  connect,
  type Client,
  type ClientState,
  type ClientStateChange,
  type CloseOptions,
  type PublishOptions,
} from './client.ts';
export type { Environment } from './environment.ts';
export type { Message } from './subscription/message.ts';
export type { BatchingOptions, ConnectOptions, FlowControlOptions } from './options.ts';
export { SealpostError, type ErrorDetail } from './sealpost-error.ts';
export type { Status } from './status.ts';
export type { SubscribeOptions } from './subscription/subscribe-options.ts';
export type {
  Subscription,
  SubscriptionState,
  SubscriptionStateChange,
} from './subscription/subscription.ts';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.ts';
export type { PublishMessage, SettleResult } from './wire/frame.ts';
