import type { StatusCode } from '../rpc/index.ts';

/**
 * Told of every call that was answered: the rpc's full name
 * (`google.pubsub.v1.Publisher.Publish`), its code, and the milliseconds from its first byte read
 * to its answer given to the transport. For StreamingPull, once per stream.
 */
export type CallObserver = (rpc: string, code: StatusCode, ms: number) => void;
