import type { Readable } from 'node:stream';
import { freeBytes } from '../layers/freed-bytes.ts';
import type { RunningJob } from '../threads/job-threads.ts';

/** Bytes that are on their way to a thread at most, whatever the layer's size. */
const inFlightBytesMax = 4_194_304;
const pieceBytesMax = 1_048_576;

/**
 * Sends a blob to the job that takes it in, no faster than the job is. Ends early when the job did.
 * Rejects with what the source failed with; the job is stopped then.
 */
export async function feedLayer(
  source: Readable,
  job: RunningJob<unknown>,
  onBytes: (done: number) => void,
): Promise<void> {
  const passing = new LayerFeed(job, onBytes).pass(source);
  // A source that waits for more would not notice that nobody reads any more.
  const ended = job.result.then(
    () => undefined,
    () => undefined,
  );
  try {
    await Promise.race([passing, ended]);
  } catch (error) {
    if (!job.isSettled) {
      job.stop();
      await ended;
      throw error;
    }
  } finally {
    source.destroy();
    // What comes of it is of no interest once the job has ended.
    passing.catch(() => undefined);
  }
}

class LayerFeed {
  readonly #job: RunningJob<unknown>;
  readonly #onBytes: (done: number) => void;
  #inFlight = 0;
  #done = 0;
  #wake: () => void = () => undefined;

  constructor(job: RunningJob<unknown>, onBytes: (done: number) => void) {
    this.#job = job;
    this.#onBytes = onBytes;
    const wake = (): void => this.#wake();
    job.result.then(wake, wake);
    job.onConsumed = (bytes) => {
      this.#inFlight -= bytes;
      wake();
    };
  }

  async pass(source: Readable): Promise<void> {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < chunk.length; at += pieceBytesMax) {
        await this.#room();
        this.#send(chunk.subarray(at, at + pieceBytesMax));
      }
      freeBytes(chunk);
      if (this.#job.isSettled) return;
    }
    this.#job.send({ kind: 'end' });
  }

  /** A copy in memory of its own, which can be moved: streams give views of shared buffers. */
  #send(piece: Uint8Array): void {
    const bytes = new Uint8Array(piece);
    this.#inFlight += bytes.length;
    this.#done += bytes.length;
    this.#job.send({ kind: 'bytes', bytes });
    this.#onBytes(this.#done);
  }

  async #room(): Promise<void> {
    while (this.#inFlight >= inFlightBytesMax && !this.#job.isSettled) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
