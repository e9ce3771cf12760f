import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';

import { draining } from '../../broker/index.ts';
import { operator, type FieldOf, type Principal } from '../../iam/index.ts';
import type { StatusCode } from '../../rpc/index.ts';
import { domainOf, toWireError } from '../error-mapping.ts';
import { callerOf } from './grpc-caller.ts';
import { checkCaller, type GrpcContext } from './grpc-context.ts';
import { headerBytesOf, toStatusObject } from './service-error.ts';

type Call = ServerDuplexStream<Buffer, Uint8Array> | ServerWritableStream<Buffer, Uint8Array>;

/** What such calls are about is the whole server. */
const noFields: FieldOf = () => '';

/** The life of a streaming call that holds nothing but its client: who may make it, how it ends. */
export class StreamCall {
  readonly #call: Call;
  readonly #rpc: string;
  readonly #context: GrpcContext;
  readonly #onOver: () => void;
  readonly #startedMs: number;
  #isOver = false;
  #stopReviews: () => void = () => undefined;

  /** `onOver` is called once, however it ends; not before this returns. */
  constructor(call: Call, rpc: string, context: GrpcContext, onOver: () => void) {
    this.#call = call;
    this.#rpc = rpc;
    this.#context = context;
    this.#onOver = onOver;
    this.#startedMs = context.clock.monotonicMs();
    context.draining.addEventListener('abort', this.#onDrain, { once: true });
    call.on('cancelled', () => this.#finish('CANCELLED'));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Runs what anyone may ask for, once the posture allows it. */
  beginPublic(run: () => void): void {
    this.guard(() => {
      checkCaller(this.#context.posture, this.#call);
      run();
    });
  }

  /**
   * Runs what the client asked for, once it is known who that is and that he may; the call ends as
   * soon as he may no more.
   */
  begin(run: () => void): void {
    this.beginPublic(() => {
      const caller = callerOf(this.#call, this.#context.access);
      if (caller instanceof Promise) {
        caller.then(
          (principal) => this.guard(() => this.#letIn(principal, run)),
          (error: unknown) => this.fail(error),
        );
      } else this.#letIn(caller, run);
    });
  }

  /** Runs what belongs to the call; what is thrown ends it. */
  guard(run: () => void): void {
    if (this.#isOver) return;
    try {
      run();
      if (this.#context.draining.aborted) this.#onDrain();
    } catch (error) {
      this.fail(error);
    }
  }

  #letIn(principal: Principal, run: () => void): void {
    const { access } = this.#context;
    const ask = (): void => access.require(principal, this.#rpc, noFields);
    if (principal !== operator) {
      ask();
      this.#stopReviews = access.watch(() => this.guard(ask));
    }
    run();
  }

  /** False: the client takes it slowly. */
  send(response: Uint8Array): boolean {
    return this.#isOver || this.#call.write(response);
  }

  end(): void {
    if (this.#isOver) return;
    this.#finish('OK');
    this.#call.end();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    const wire = toWireError(error, domainOf(this.#rpc));
    if (wire.code === 'INTERNAL') {
      this.#context.log.error({ err: error, rpc: this.#rpc }, 'stream failed');
    }
    this.#finish(wire.code);
    this.#call.emit('error', toStatusObject(wire, headerBytesOf(this.#call)));
  }

  readonly #onDrain = (): void => {
    this.fail(draining());
  };

  #finish(code: StatusCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { clock, observe } = this.#context;
    this.#context.draining.removeEventListener('abort', this.#onDrain);
    this.#stopReviews();
    observe(this.#rpc, code, clock.monotonicMs() - this.#startedMs);
    this.#onOver();
  }
}
