import type { ServerDuplexStream } from '@grpc/grpc-js';

import {
  draining,
  encodePullResponse,
  encodeStreamingPullResponse,
  type Delivery,
  type PullStream,
  type StreamSink,
} from '../../../broker/index.ts';
import { operator, type Principal } from '../../../iam/index.ts';
import type { StatusCode } from '../../../rpc/index.ts';
import { nobody } from '../../access/nobody.ts';
import { oneField } from '../../access/request-fields.ts';
import { domainOf, toWireError } from '../../error-mapping.ts';
import { flushMs } from '../../unsent-answers.ts';
import { readStreamingPull, type StreamingPullRequest } from '../consuming-wire.ts';
import { callerOf } from '../grpc-caller.ts';
import { checkCaller, type GrpcContext } from '../grpc-context.ts';
import { headerBytesOf, toStatusObject } from '../service-error.ts';
import { StreamLife } from './stream-life.ts';
import { StreamOutbox } from './stream-outbox.ts';
import { cutStream, streamOf } from '../stream-reset.ts';
import { encodeConfirmation } from './stream-responses.ts';
import { StreamSettler, type Settled } from './stream-settler.ts';
import {
  checkFirstRequest,
  checkLaterRequest,
  isKeepAlive,
  streamOver,
} from './streaming-rules.ts';

export type StreamingPullCall = ServerDuplexStream<Buffer, Uint8Array>;

const rpc = 'google.pubsub.v1.Subscriber.StreamingPull';

/** Requests whose confirmations are to come; with so many, the next is not read. */
const settlingMax = 64;

/** A stream whose time is over may go on sending what its client is still reading. */
const overFlushMs = 30_000;

/** One StreamingPull: between grpc-js's call and the broker's stream (reference: pubsub.proto). */
export class StreamingPull implements StreamSink {
  readonly #call: StreamingPullCall;
  readonly #context: GrpcContext;
  readonly #startedMs: number;
  readonly #outbox: StreamOutbox;
  /** What stays of the first request: its ack ids may be megabytes. */
  #first: Pick<StreamingPullRequest, 'subscription' | 'clientId'> | undefined;
  #stream: PullStream | undefined;
  #settler: StreamSettler | undefined;
  #life: StreamLife | undefined;
  /** Responses that came before the broker's stream, and with it the properties, were there. */
  #early: Uint8Array[] = [];
  #isGreeted = false;
  #isHalfClosed = false;
  #isOver = false;
  #principal: Principal = nobody;
  #stopReviews: () => void = () => undefined;
  /** The broker waits for `resume`. */
  #isHeld = false;
  #isPongUnsent = false;

  /** Takes over a call that has just arrived. */
  static accept(call: StreamingPullCall, context: GrpcContext): void {
    new StreamingPull(call, context).#start();
  }

  private constructor(call: StreamingPullCall, context: GrpcContext) {
    this.#call = call;
    this.#context = context;
    this.#startedMs = context.clock.monotonicMs();
    this.#outbox = new StreamOutbox(
      (response, onSent) => void call.write(response, onSent),
      () => this.#onRoom(),
    );
  }

  deliver(batch: readonly Delivery[]): boolean {
    if (this.#isOver) return false;
    if (this.#stream === undefined) {
      this.#early.push(encodePullResponse(batch));
      this.#isHeld = true;
      return false;
    }
    this.#greet(this.#stream);
    this.#send(encodeStreamingPullResponse(batch, this.#stream.properties));
    this.#isHeld = this.#outbox.isFull;
    return !this.#isHeld;
  }

  fail(error: unknown): void {
    this.#end(error, flushMs);
  }

  #start(): void {
    const call = this.#call;
    const { access, draining: drain, posture } = this.#context;
    call.on('cancelled', () => this.#finish('CANCELLED'));
    drain.addEventListener('abort', this.#onDrain, { once: true });
    this.#guard(() => {
      checkCaller(posture, call);
      const caller = callerOf(call, access);
      if (caller instanceof Promise) {
        caller.then(
          (principal) => this.#listen(principal),
          (error: unknown) => this.fail(error),
        );
      } else this.#listen(caller);
      if (drain.aborted) this.#onDrain();
    });
  }

  /** Nothing is read of a client before it is known who it is. */
  #listen(principal: Principal): void {
    const call = this.#call;
    this.#principal = principal;
    call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)));
    call.on('end', () => this.#endByClient());
  }

  /** Asked before the subscription is looked up, and again when the answer may be another. */
  #requireAccess(subscription: string): void {
    const { access } = this.#context;
    const principal = this.#principal;
    if (principal === operator) return;
    const ask = (): void => access.require(principal, rpc, oneField('subscription', subscription));
    ask();
    this.#stopReviews = access.watch(() => this.#guard(ask));
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
    if (this.#first === undefined) {
      checkFirstRequest(request);
      this.#requireAccess(request.subscription);
      this.#first = { subscription: request.subscription, clientId: request.clientId };
      // Requests that follow wait until the broker's stream is open.
      this.#call.pause();
      void this.#open(request);
      return;
    }
    checkLaterRequest(request, this.#first.clientId);
    this.#settler?.settle(request);
    if (request.streamAckDeadlineSeconds !== 0) {
      this.#stream?.setAckDeadline(request.streamAckDeadlineSeconds);
    }
    if (isKeepAlive(request)) this.#signOfLife();
  }

  async #open(first: StreamingPullRequest): Promise<void> {
    try {
      const settings = {
        ackDeadlineSeconds: first.streamAckDeadlineSeconds,
        outstandingMessagesMax: first.maxOutstandingMessages,
        outstandingBytesMax: first.maxOutstandingBytes,
        clientId: first.clientId,
      };
      const stream = await this.#context.broker.openStream(first.subscription, settings, this);
      if (this.#isOver) stream.close();
      else this.#opened(stream, first);
    } catch (error) {
      this.fail(error);
    }
  }

  #opened(stream: PullStream, first: StreamingPullRequest): void {
    const { broker, clock, entropy } = this.#context;
    this.#stream = stream;
    this.#settler = new StreamSettler(broker, first.subscription, {
      isExactlyOnce: () => stream.properties.exactlyOnce,
      settled: (settled) => this.#confirm(settled),
      changed: () => {
        this.#readOrNot();
        this.#endIfDone();
      },
    });
    this.#life = new StreamLife({
      clock,
      entropy,
      isKeptAlive: first.protocolVersion >= 1,
      onSilence: () => this.#signOfLife(),
      onOver: () => {
        this.#watchUnsent();
        this.#end(streamOver(), overFlushMs);
      },
    });
    this.#greet(stream);
    const properties = encodeStreamingPullResponse([], stream.properties);
    // Serialised messages that are joined are one message (protobuf's encoding).
    for (const batch of this.#early.splice(0)) this.#send(Buffer.concat([batch, properties]));
    this.#settler.settle(first);
    this.#onRoom();
    this.#endIfDone();
  }

  #confirm(settled: Settled): void {
    if (this.#stream === undefined) return;
    this.#send(encodeConfirmation(settled, this.#stream.properties));
  }

  /** A client that sends acks and reads no confirmations is not read either. */
  #readOrNot(): void {
    if (this.#isOver || this.#stream === undefined) return;
    const isBusy = (this.#settler?.pendingCount ?? 0) >= settlingMax || this.#outbox.isFull;
    if (isBusy) this.#call.pause();
    else if (this.#call.isPaused()) this.#call.resume();
  }

  /** One that still waits answers every ping so far; more would only pile up unread. */
  #signOfLife(): void {
    if (this.#isPongUnsent || this.#stream === undefined) return;
    this.#isPongUnsent = true;
    this.#send(encodeStreamingPullResponse([], this.#stream.properties), () => {
      this.#isPongUnsent = false;
    });
  }

  /** The first response carries properties and no message, as production's does. */
  #greet(stream: PullStream): void {
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.#send(encodeStreamingPullResponse([], stream.properties));
  }

  #send(response: Uint8Array, onSent?: () => void): void {
    if (this.#isOver) return;
    this.#life?.sent();
    this.#outbox.send(response, onSent);
  }

  #onRoom(): void {
    if (this.#stream === undefined || this.#isOver || this.#outbox.isFull) return;
    this.#readOrNot();
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#stream.resume();
  }

  #endByClient(): void {
    if (this.#isOver) return;
    if (this.#first === undefined) {
      this.#guard(() => checkFirstRequest(readStreamingPull(Buffer.alloc(0))));
      return;
    }
    this.#isHalfClosed = true;
    this.#endIfDone();
  }

  /** A client that half-closed has its confirmations before the OK. */
  #endIfDone(): void {
    const isDone = this.#settler !== undefined && this.#settler.pendingCount === 0;
    if (!this.#isHalfClosed || !isDone || this.#isOver) return;
    this.#finish('OK');
    this.#watchUnsent();
    this.#call.end();
  }

  /** Never with OK: clients would take that for the end of their subscription. */
  #end(error: unknown, resetAfterMs: number): void {
    if (this.#isOver) return;
    const wire = toWireError(error, domainOf(rpc));
    if (wire.code === 'INTERNAL') this.#context.log.error({ err: error, rpc }, 'stream failed');
    this.#finish(wire.code);
    // grpc-js sends the status after what is queued; a client that takes nothing is cut off.
    if (this.#outbox.unsentBytes > 0) this.#resetLater(resetAfterMs);
    this.#call.emit('error', toStatusObject(wire, headerBytesOf(this.#call)));
  }

  /** Once, whoever ends it: the broker forgets the stream; its messages stay leased. */
  #finish(code: StatusCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.draining.removeEventListener('abort', this.#onDrain);
    this.#stopReviews();
    this.#life?.stop();
    this.#stream?.close();
    this.#context.observe(rpc, code, this.#context.clock.monotonicMs() - this.#startedMs);
  }

  /** The broker knows the stream no more: a key's revocation has to reach what it has not sent. */
  #watchUnsent(): void {
    const { unsent, clock } = this.#context;
    const stream = streamOf(this.#call);
    if (this.#outbox.unsentBytes === 0 || stream.destroyed || this.#first === undefined) return;
    const onSent = unsent.add(this.#first.subscription, () => cutStream(stream, clock));
    stream.once('close', onSent);
  }

  #resetLater(afterMs: number): void {
    const { clock } = this.#context;
    clock.schedule(clock.monotonicMs() + afterMs, () => {
      if (this.#outbox.unsentBytes > 0) cutStream(streamOf(this.#call), clock);
    });
  }
}
