import type { Clock } from '../../src/runtime/index.ts';
import type { GrpcChannel } from '../grpc-channel.ts';
import { payloads } from '../jobs/payloads.ts';
import { publishFrame, type PublishFrame } from '../protobuf.ts';

const publishPath = '/google.pubsub.v1.Publisher/Publish';
const inFlightMax = 200;
const tickMs = 4;

/** Publishes batches at a steady rate over the topics in turns, whatever the answers are. */
export class Publisher {
  readonly #channels: readonly GrpcChannel[];
  readonly #frames: readonly PublishFrame[];
  readonly #clock: Clock;
  readonly #requestsPerMs: number;
  readonly #batch: number;
  #turn = 0;
  #inFlight = 0;
  #owed = 0;
  #lastMs: number;
  #isOver = false;
  publishedCount = 0;
  refusedCount = 0;
  lastRefusal = '';
  /** When the last answer of success arrived; monotonic. */
  lastSuccessMs: number = -Infinity;

  constructor(
    channels: readonly GrpcChannel[],
    topics: readonly string[],
    clock: Clock,
    load: { readonly perSecond: number; readonly batch: number; readonly bytes: number },
  ) {
    this.#channels = channels;
    this.#clock = clock;
    this.#batch = load.batch;
    this.#requestsPerMs = load.perSecond / load.batch / 1000;
    const data = payloads(load.batch, load.bytes);
    this.#frames = topics.map((topic) => publishFrame(topic, data));
    this.#lastMs = clock.monotonicMs();
  }

  start(): void {
    this.#lastMs = this.#clock.monotonicMs();
    this.#tick();
  }

  stop(): void {
    this.#isOver = true;
  }

  #tick(): void {
    if (this.#isOver) return;
    const nowMs = this.#clock.monotonicMs();
    this.#owed += (nowMs - this.#lastMs) * this.#requestsPerMs;
    this.#lastMs = nowMs;
    // What could not be sent in time is not made up for: a stall must not end in a burst.
    this.#owed = Math.min(this.#owed, this.#requestsPerMs * 100);
    for (; this.#owed >= 1 && this.#inFlight < inFlightMax; this.#owed--) this.#send();
    this.#clock.schedule(nowMs + tickMs, () => this.#tick());
  }

  #send(): void {
    const turn = this.#turn++;
    const { frame } = this.#frames[turn % this.#frames.length]!;
    this.#inFlight++;
    this.#channels[turn % this.#channels.length]!.unary(publishPath, frame, (error) => {
      this.#inFlight--;
      if (error === null) {
        this.publishedCount += this.#batch;
        this.lastSuccessMs = this.#clock.monotonicMs();
      } else {
        this.refusedCount++;
        this.lastRefusal = error.message;
      }
    });
  }
}
