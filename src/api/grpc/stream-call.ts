import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';

import { draining } from '../../broker/index.ts';
import type { StatusCode } from '../../rpc/index.ts';
import { domainOf, toWireError } from '../error-mapping.ts';
import { checkCaller, type GrpcContext } from './grpc-context.ts';
import { headerBytesOf, toStatusObject } from './service-error.ts';

type Call = ServerDuplexStream<Buffer, Uint8Array> | ServerWritableStream<Buffer, Uint8Array>;

/** The life of a streaming call that holds nothing but its client: who may make it, how it ends. */
export class StreamCall {
  readonly #call: Call;
  readonly #rpc: string;
  readonly #context: GrpcContext;
  readonly #onOver: () => void;
  readonly #startedMs: number;
  #isOver = false;

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

  /** Runs what the client asked for; what is thrown ends the call. */
  guard(run: () => void): void {
    if (this.#isOver) return;
    try {
      checkCaller(this.#context.posture, this.#call);
      run();
      if (this.#context.draining.aborted) this.#onDrain();
    } catch (error) {
      this.fail(error);
    }
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
    observe(this.#rpc, code, clock.monotonicMs() - this.#startedMs);
    this.#onOver();
  }
}
