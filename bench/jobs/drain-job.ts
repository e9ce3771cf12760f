import { SystemClock } from '../../src/runtime/index.ts';
import { GrpcChannel, type GrpcStream } from '../grpc-channel.ts';
import { bytesField, eachDelivery, grpcFrame, numberField, stringField } from '../protobuf.ts';
import type { DrainJob, JobResult } from './job.ts';
import { drainResult } from './drain-result.ts';
import { preload } from './publish-job.ts';

const clock = new SystemClock();
const streamingPullPath = '/google.pubsub.v1.Subscriber/StreamingPull';
const acknowledgePath = '/google.pubsub.v1.Subscriber/Acknowledge';
/** What the official clients allow themselves, messages. */
const outstandingMax = 10_000;
const ackBatchCount = 1000;
const unaryInFlightMax = 4;
const requestBytesMax = 500_000;

/**
 * Messages a second from opening the stream until every message was received and acknowledged. The
 * last batch is acknowledged by a unary call in either variant: its reply is the finishing line.
 */
export async function runDrain(job: DrainJob): Promise<JobResult> {
  const channel = await GrpcChannel.open(job.address);
  if (job.isFilled !== true) await preload(channel, job);
  const startMs = clock.monotonicMs();
  const drain = new Drain(channel, job);
  const { ackedCount, duplicateCount } = await drain.run();
  const spanMs = clock.monotonicMs() - startMs;
  channel.close();
  return {
    ...drainResult(job, ackedCount, spanMs),
    ...(duplicateCount > 0 ? { failure: `${String(duplicateCount)} redelivered` } : {}),
  };
}

interface DrainOutcome {
  readonly ackedCount: number;
  readonly duplicateCount: number;
}

class Drain {
  readonly #channel: GrpcChannel;
  readonly #job: DrainJob;
  readonly #seen: Uint8Array;
  readonly #finished = Promise.withResolvers<void>();
  #stream: GrpcStream | undefined;
  /** Encoded: ack_ids is field 2 of StreamingPullRequest and of AcknowledgeRequest alike. */
  #ackIds: Buffer[] = [];
  readonly #waiting: Buffer[][] = [];
  #unaryUnderWay = 0;
  #seenCount = 0;
  #ackedCount = 0;
  #duplicateCount = 0;

  constructor(channel: GrpcChannel, job: DrainJob) {
    this.#channel = channel;
    this.#job = job;
    this.#seen = new Uint8Array(job.messageCount + 1000);
  }

  async run(): Promise<DrainOutcome> {
    const stream = this.#channel.stream(streamingPullPath, (reply) => this.#take(reply));
    this.#stream = stream;
    stream.write(
      grpcFrame(
        stringField(1, this.#job.subscription),
        numberField(5, 60),
        stringField(6, 'bench'),
        numberField(7, outstandingMax),
        numberField(8, 1024 * 1024 * 1024),
      ),
    );
    const endMs = clock.monotonicMs() + this.#job.secondsMax * 1000;
    const cancel = clock.schedule(endMs, () => this.#finished.resolve());
    const status = await Promise.race([this.#finished.promise, stream.ended]);
    cancel();
    if (status !== undefined) throw new Error(`the stream ended with ${status}`);
    stream.close();
    return { ackedCount: this.#ackedCount, duplicateCount: this.#duplicateCount };
  }

  #take(reply: Buffer): void {
    eachDelivery(reply, (bytes, from, to, ordinal) => {
      // What others filled has no ordinals: its beginning is as random as the rest.
      if (this.#job.isFilled !== true && this.#seen[ordinal] === 1) this.#duplicateCount++;
      else this.#seenCount++;
      this.#seen[ordinal] = 1;
      this.#ackIds.push(bytesField(2, bytes.subarray(from, to)));
    });
    const isLast = this.#seenCount >= this.#job.messageCount;
    // An emulator hands out few messages at once and waits for their acks: never hold them back.
    if (this.#ackIds.length >= ackBatchCount || isLast) this.#flush(isLast);
    else if (this.#ackIds.length > 0) clock.soon(() => this.#flush(false));
  }

  #flush(isLast: boolean): void {
    const ackIds = this.#ackIds;
    if (ackIds.length === 0) return;
    this.#ackIds = [];
    if (this.#job.acks === 'unary' || isLast) {
      // One reply may bring more than a request of acks may hold.
      for (let at = 0; at < ackIds.length; at += ackBatchCount) {
        this.#waiting.push(ackIds.slice(at, at + ackBatchCount));
      }
      this.#sendUnary();
      return;
    }
    this.#stream!.write(grpcFrame(...ackIds));
    this.#ackedCount += ackIds.length;
  }

  /** As many batches as fit into a request: 512 KiB of ids (pubsub quotas). */
  #nextRequest(): Buffer[] {
    const ackIds: Buffer[] = [];
    let bytes = 0;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const more = next.reduce((sum, id) => sum + id.length, 0);
      if (ackIds.length > 0 && bytes + more > requestBytesMax) break;
      ackIds.push(...next);
      bytes += more;
      this.#waiting.shift();
    }
    return ackIds;
  }

  #sendUnary(): void {
    while (this.#waiting.length > 0 && this.#unaryUnderWay < unaryInFlightMax) {
      const ackIds = this.#nextRequest();
      this.#unaryUnderWay++;
      const frame = grpcFrame(stringField(1, this.#job.subscription), ...ackIds);
      this.#channel.unary(acknowledgePath, frame, (error) => {
        this.#unaryUnderWay--;
        if (error) return this.#finished.reject(error);
        this.#ackedCount += ackIds.length;
        this.#sendUnary();
        const isDone = this.#seenCount >= this.#job.messageCount;
        if (isDone && this.#unaryUnderWay === 0 && this.#waiting.length === 0) {
          this.#finished.resolve();
        }
      });
    }
  }
}
