import type { ServerDuplexStream } from '@grpc/grpc-js';

import {
  draining,
  encodeStreamingPullResponse,
  type Delivery,
  type PullStream,
  type StreamSink,
  type SubscriptionProperties,
} from '../../broker/index.ts';
import type { StatusCode } from '../../rpc/index.ts';
import { domainOf, toWireError } from '../error-mapping.ts';
import { flushMs } from '../unsent-answers.ts';
import { readStreamingPull, type StreamingPullRequest } from './consuming-wire.ts';
import { checkCaller, type GrpcContext } from './grpc-context.ts';
import { toStatusObject } from './service-error.ts';
import { cutStream, streamOf } from './stream-reset.ts';
import { checkFirstRequest, checkLaterRequest, isKeepAlive } from './streaming-rules.ts';

export type StreamingPullCall = ServerDuplexStream<Buffer, Uint8Array>;

const rpc = 'google.pubsub.v1.Subscriber.StreamingPull';

/** Neither ordering nor exactly-once subscriptions can be created, so every stream says so. */
const properties: SubscriptionProperties = { ordering: false, exactlyOnce: false };

/** Opened bytes that may wait for the client; a batch more than this is the most there can be. */
const unsentBytesMax = 512 * 1024;
const unsentBytesResume = 128 * 1024;

/** One StreamingPull: between grpc-js's call and the broker's stream (reference: pubsub.proto). */
export class StreamingPull implements StreamSink {
  readonly #call: StreamingPullCall;
  readonly #context: GrpcContext;
  readonly #startedMs: number;
  #stream: PullStream | undefined;
  #subscription = '';
  #isGreeted = false;
  #isOver = false;
  #isHeld = false;
  #isPongUnsent = false;
  #unsentBytes = 0;

  /** Takes over a call that has just arrived. */
  static accept(call: StreamingPullCall, context: GrpcContext): void {
    new StreamingPull(call, context).#start();
  }

  private constructor(call: StreamingPullCall, context: GrpcContext) {
    this.#call = call;
    this.#context = context;
    this.#startedMs = context.clock.monotonicMs();
  }

  deliver(batch: readonly Delivery[]): boolean {
    if (this.#isOver) return false;
    this.#greet();
    this.#send(encodeStreamingPullResponse(batch, properties));
    this.#isHeld = this.#unsentBytes >= unsentBytesMax;
    return !this.#isHeld;
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    const wire = toWireError(error, domainOf(rpc));
    if (wire.code === 'INTERNAL') this.#context.log.error({ err: error, rpc }, 'stream failed');
    this.#finish(wire.code);
    // grpc-js sends the status after what is queued; a client that takes nothing is cut off.
    if (this.#unsentBytes > 0) this.#resetLater();
    this.#call.emit('error', toStatusObject(wire));
  }

  #start(): void {
    const call = this.#call;
    call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)));
    call.on('end', () => this.#endByClient());
    call.on('cancelled', () => this.#finish('CANCELLED'));
    this.#context.draining.addEventListener('abort', this.#onDrain, { once: true });
    this.#guard(() => {
      checkCaller(this.#context.posture, call);
      if (this.#context.draining.aborted) this.#onDrain();
    });
  }

  readonly #onDrain = (): void => {
    this.fail(draining());
  };

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#isOver) return;
    const request = readStreamingPull(bytes);
    if (this.#subscription === '') {
      checkFirstRequest(request);
      this.#subscription = request.subscription;
      this.#call.pause();
      void this.#open(request);
      return;
    }
    checkLaterRequest(request);
    this.#settle(request);
    if (request.streamAckDeadlineSeconds !== 0) {
      this.#stream?.setAckDeadline(request.streamAckDeadlineSeconds);
    }
    if (isKeepAlive(request)) this.#pong();
  }

  /** An answer that still waits answers every ping so far; more would only pile up unread. */
  #pong(): void {
    if (this.#isPongUnsent) return;
    this.#isPongUnsent = true;
    this.#send(encodeStreamingPullResponse([], properties), () => {
      this.#isPongUnsent = false;
    });
  }

  /** Requests that follow wait until the broker's stream is open. */
  async #open(request: StreamingPullRequest): Promise<void> {
    try {
      const settings = {
        ackDeadlineSeconds: request.streamAckDeadlineSeconds,
        outstandingMessagesMax: request.maxOutstandingMessages,
        outstandingBytesMax: request.maxOutstandingBytes,
        clientId: request.clientId,
      };
      const stream = await this.#context.broker.openStream(this.#subscription, settings, this);
      if (this.#isOver) {
        stream.close();
        return;
      }
      this.#stream = stream;
      this.#greet();
      this.#settle(request);
      // What was held back while the stream did not exist yet may go on now.
      if (this.#isHeld && this.#unsentBytes <= unsentBytesResume) this.#resume();
      this.#call.resume();
    } catch (error) {
      this.fail(error);
    }
  }

  #settle(request: StreamingPullRequest): void {
    const { broker } = this.#context;
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request;
    if (ackIds.length > 0) broker.streamAcknowledge(this.#subscription, ackIds);
    if (modifyDeadlineAckIds.length === 0) return;
    broker.streamModifyAckDeadline(this.#subscription, modifyDeadlineAckIds, modifyDeadlineSeconds);
  }

  /** The first response carries properties and no message, as production's does. */
  #greet(): void {
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.#send(encodeStreamingPullResponse([], properties));
  }

  #send(response: Uint8Array, onSent?: () => void): void {
    if (this.#isOver) return;
    const bytes = response.length;
    this.#unsentBytes += bytes;
    this.#call.write(response, () => {
      this.#unsentBytes -= bytes;
      onSent?.();
      if (this.#isHeld && this.#unsentBytes <= unsentBytesResume) this.#resume();
    });
  }

  #resume(): void {
    if (this.#stream === undefined || this.#isOver) return;
    this.#isHeld = false;
    this.#stream.resume();
  }

  #endByClient(): void {
    if (this.#isOver) return;
    if (this.#subscription === '') {
      this.#guard(() => checkFirstRequest(readStreamingPull(Buffer.alloc(0))));
      return;
    }
    this.#finish('OK');
    this.#call.end();
  }

  /** Once, whoever ends it: the broker forgets the stream; its messages stay leased. */
  #finish(code: StatusCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.draining.removeEventListener('abort', this.#onDrain);
    this.#stream?.close();
    this.#context.observe(rpc, code, this.#context.clock.monotonicMs() - this.#startedMs);
  }

  #resetLater(): void {
    const { clock } = this.#context;
    clock.schedule(clock.monotonicMs() + flushMs, () => {
      if (this.#unsentBytes > 0) cutStream(streamOf(this.#call), clock);
    });
  }
}
