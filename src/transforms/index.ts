/**
 * transforms: users' code on messages, in threads and WebAssembly machines of its own.
 *
 * Nothing of the host is within its reach; time and memory are bounded for each message.
 */
export { defaultTransformLimits, type TransformLimits } from './limits.ts';
export { openTransformEngine, type TransformEnginePorts } from './transform-engine.ts';
export type {
  MessageTransform,
  TransformChain,
  TransformEngine,
  TransformOutcome,
  TransformableMessage,
} from './transform.ts';
