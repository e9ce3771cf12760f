import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';

import { domainOf, toWireError } from '../error-mapping.ts';
import { checkCaller, type GrpcContext } from './grpc-context.ts';
import { headerBytesOf, toStatusObject } from './service-error.ts';

/** A unary method over serialised messages; `signal` aborts when the client gives up. */
export type UnaryMethod = (request: Buffer, call: UnaryCall) => Promise<Uint8Array>;

type UnaryCall = ServerUnaryCall<Buffer, Uint8Array>;

/** Runs a method for grpc-js: posture first, then errors mapped and the call observed. */
export function unaryHandler(
  rpc: string,
  context: GrpcContext,
  method: UnaryMethod,
): handleUnaryCall<Buffer, Uint8Array> {
  const { clock, observe, posture, log } = context;
  return (call: UnaryCall, reply: sendUnaryData<Uint8Array>): void => {
    const startedMs = clock.monotonicMs();
    const fail = (thrown: unknown): void => {
      const error = toWireError(thrown, domainOf(rpc));
      if (error.code === 'INTERNAL') log.error({ err: thrown, rpc }, 'call failed');
      observe(rpc, error.code, clock.monotonicMs() - startedMs);
      reply(toStatusObject(error, headerBytesOf(call)), null);
    };
    const run = async (): Promise<Uint8Array> => {
      checkCaller(posture, call);
      return method(call.request, call);
    };
    const succeed = (response: Uint8Array): void => {
      observe(rpc, 'OK', clock.monotonicMs() - startedMs);
      reply(null, response);
    };
    void run().then(succeed, fail);
  };
}

/** A signal that aborts when the client cancels, goes away or runs out of time, or on drain. */
export function callSignal(call: UnaryCall, draining: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (call.cancelled || draining.aborted) abort();
  draining.addEventListener('abort', abort, { once: true });
  call.once('cancelled', () => {
    draining.removeEventListener('abort', abort);
    abort();
  });
  return controller.signal;
}
