/**
 * runtime: the ports to time, chance and the log, and nothing that knows about messages.
 *
 * Everything that differs between a real run and a simulated one comes in through here, so a test
 * can replay a month in a second. This folder imports nothing of ours.
 */
export { assert, InvariantError } from './assert.ts';
export { backoffMs } from './backoff.ts';
export { SystemClock, type Cancel, type Clock } from './clock.ts';
export { Closers } from './closers.ts';
export { connectionReset, resetConnection } from './connection-reset.ts';
export { draw, SystemEntropy, type Entropy } from './entropy.ts';
export {
  failpointNames,
  keyFailpointNames,
  noFailpoints,
  rootKeyFailpointNames,
  type FailpointName,
  type Failpoints,
  type KeyFailpointName,
  type RootKeyFailpointName,
} from './failpoints.ts';
export { freeBytes } from './freed-bytes.ts';
export { keepAlive } from './keep-alive.ts';
export { pause } from './pause.ts';
export { Serial } from './serial.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { TokenBucket, TokenBuckets } from './token-bucket.ts';
