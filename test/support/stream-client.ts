import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';

import {
  StreamingPullRequestSchema,
  StreamingPullResponseSchema,
  type ReceivedMessage,
  type StreamingPullResponse,
} from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';

export type StreamRequest = MessageInitShape<typeof StreamingPullRequestSchema>;

/** How a stream ended, and when, by the test's clock. */
export interface StreamEnd {
  readonly code: string;
  readonly message: string;
  readonly atMs: number;
}

/** The client's end of a StreamingPull: keeps every response and tells when there is more. */
export class StreamClient {
  readonly responses: StreamingPullResponse[] = [];
  readonly ended: Promise<StreamEnd>;
  /** By performance.now(), of the last response. */
  lastByteMs = 0;
  readonly #call: ClientDuplexStream<Uint8Array, Buffer>;
  #wake: (() => void)[] = [];
  #end: StreamEnd | undefined;

  constructor(call: ClientDuplexStream<Uint8Array, Buffer>, first: StreamRequest) {
    this.#call = call;
    const ended = Promise.withResolvers<StreamEnd>();
    this.ended = ended.promise;
    const finish = (code: status, message: string): void => {
      this.#end ??= { code: status[code], message, atMs: performance.now() };
      ended.resolve(this.#end);
      this.#notify();
    };
    call.on('data', (bytes: Buffer) => {
      this.lastByteMs = performance.now();
      this.responses.push(fromBinary(StreamingPullResponseSchema, bytes));
      this.#notify();
    });
    call.on('error', (error: ServiceError) => finish(error.code, error.details));
    call.on('status', (end: { code: status; details: string }) => finish(end.code, end.details));
    this.send(first);
  }

  get messages(): ReceivedMessage[] {
    return this.responses.flatMap(({ receivedMessages }) => receivedMessages);
  }

  get texts(): string[] {
    return this.messages.map(({ message }) => Buffer.from(message?.data ?? []).toString());
  }

  send(request: StreamRequest): void {
    const message = create(StreamingPullRequestSchema, request);
    this.#call.write(toBinary(StreamingPullRequestSchema, message));
  }

  /** Bytes that are no request. */
  sendBytes(bytes: Uint8Array): void {
    this.#call.write(bytes);
  }

  /** Reads no more until `resume`: the server's sends pile up. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  halfClose(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Resolves as soon as it holds; throws if the stream ends before. */
  async until(holds: (stream: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.#end !== undefined) {
        throw new Error(`the stream ended: ${this.#end.code} ${this.#end.message}`);
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Resolves with the texts when so many messages have come. */
  async untilMessages(count: number): Promise<string[]> {
    await this.until(({ messages }) => messages.length >= count);
    return this.texts;
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
