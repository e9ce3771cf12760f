import type { Clock } from '../../src/runtime/index.ts';
import type { GrpcChannel, GrpcStream } from '../grpc-channel.ts';
import { bytesField, eachDelivery, grpcFrame, numberField, stringField } from '../protobuf.ts';

const streamingPullPath = '/google.pubsub.v1.Subscriber/StreamingPull';
/** As clients back off: two thousand streams that ask more often would be the load. */
const reopenMs = 1000;

/**
 * One subscription's stream, which is opened again whenever it ends, as a patient client does: what
 * arrives is acknowledged at once, and the times at which anything arrived are kept.
 */
export class Subscriber {
  readonly #channel: GrpcChannel;
  readonly #subscription: string;
  readonly #clock: Clock;
  readonly #outstandingMax: number;
  #stream: GrpcStream | null = null;
  #isOver = false;
  deliveredCount = 0;
  /** Monotonic; when the last bytes of a message arrived. */
  lastDeliveryMs: number = -Infinity;
  /** When the first message arrived; null: not yet. */
  firstDeliveryMs: number | null = null;
  endCount = 0;
  lastEnd = '';

  constructor(channel: GrpcChannel, subscription: string, clock: Clock, outstandingMax: number) {
    this.#channel = channel;
    this.#subscription = subscription;
    this.#clock = clock;
    this.#outstandingMax = outstandingMax;
  }

  open(): void {
    const stream = this.#channel.stream(streamingPullPath, (reply) => this.#take(reply));
    this.#stream = stream;
    stream.write(
      grpcFrame(
        stringField(1, this.#subscription),
        numberField(5, 60),
        stringField(6, this.#subscription),
        numberField(7, this.#outstandingMax),
      ),
    );
    void stream.ended.then((status) => {
      if (this.#isOver) return;
      this.endCount++;
      this.lastEnd = status;
      this.#clock.schedule(this.#clock.monotonicMs() + reopenMs, () => {
        if (!this.#isOver) this.open();
      });
    });
  }

  close(): void {
    this.#isOver = true;
    this.#stream?.close();
  }

  #take(reply: Buffer): void {
    const ackIds: Buffer[] = [];
    eachDelivery(reply, (bytes, from, to) => {
      ackIds.push(bytesField(2, bytes.subarray(from, to)));
    });
    if (ackIds.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.lastDeliveryMs = nowMs;
    this.firstDeliveryMs ??= nowMs;
    this.deliveredCount += ackIds.length;
    this.#stream?.write(grpcFrame(...ackIds));
  }
}
