/**
 * streaming: StreamingPull between grpc-js's call and the broker's stream (pubsub.proto): what
 * clients may ask for, what they are answered, and when it ends.
 */
export { StreamingPull, type StreamingPullCall } from './streaming-pull.ts';
