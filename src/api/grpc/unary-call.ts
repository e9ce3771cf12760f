import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';

import { operator, type Principal } from '../../iam/index.ts';
import type { Access } from '../access/access.ts';
import { nobody } from '../access/nobody.ts';
import { domainOf, toWireError } from '../error-mapping.ts';
import { callerOf } from './grpc-caller.ts';
import { checkCaller, type GrpcContext } from './grpc-context.ts';
import { headerBytesOf, toStatusObject } from './service-error.ts';

/** A unary method over serialised messages; `signal` aborts when the client gives up. */
export type UnaryMethod = (
  request: Buffer,
  call: UnaryCall,
  principal: Principal,
) => Promise<Uint8Array>;

type UnaryCall = ServerUnaryCall<Buffer, Uint8Array>;

/** Runs a method for grpc-js: posture and caller first, then errors mapped and the call observed. */
export function unaryHandler(
  rpc: string,
  context: GrpcContext,
  method: UnaryMethod,
): handleUnaryCall<Buffer, Uint8Array> {
  const { access, clock, observe, posture, log } = context;
  const isOpen = access.isPublic(rpc);
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
      const caller = isOpen ? nobodyIn(access) : callerOf(call, access);
      // Who is known at once waits for nothing.
      if (!(caller instanceof Promise)) return method(call.request, call, caller);
      return method(call.request, call, await caller);
    };
    const succeed = (response: Uint8Array): void => {
      observe(rpc, 'OK', clock.monotonicMs() - startedMs);
      reply(null, response);
    };
    void run().then(succeed, fail);
  };
}

const nobodyIn = ({ isRequired }: Access): Principal => (isRequired ? nobody : operator);

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
