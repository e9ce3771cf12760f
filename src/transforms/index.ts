/**
 * transforms: users' code on messages, in a thread and a WebAssembly machine of its own.
 *
 * Nothing of the host is within its reach; time and memory are bounded for each message.
 */
export type {
  MessageTransform,
  TransformChain,
  TransformEngine,
  TransformOutcome,
  TransformableMessage,
} from './transform.ts';
