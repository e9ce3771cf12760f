import type { Readable } from 'node:stream';
import { freeBytes } from '../../runtime/index.ts';
import type { RunningJob } from '../threads/job-threads.ts';
import type { Slab } from '../threads/job.ts';

/** A mebibyte is on its way to a thread at most, whatever the layer's size. */
const slabsMax = 4;
const slabBytes = 262_144;

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

/** Copies a blob into slabs, and uses those again that the job gives back. */
class LayerFeed {
  readonly #job: RunningJob<unknown>;
  readonly #onBytes: (done: number) => void;
  readonly #spare: Slab[] = [];
  #made = 0;
  #away = 0;
  /** The one that is being filled. */
  #slab: Slab | null = null;
  #filled = 0;
  #done = 0;
  #wake: () => void = () => undefined;

  constructor(job: RunningJob<unknown>, onBytes: (done: number) => void) {
    this.#job = job;
    this.#onBytes = onBytes;
    const wake = (): void => this.#wake();
    job.result.then(wake, wake);
    job.onConsumed = (slab) => {
      this.#spare.push(slab);
      this.#away--;
      if (this.#away === 0) this.#send();
      wake();
    };
  }

  async pass(source: Readable): Promise<void> {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < chunk.length;) {
        const slab = await this.#open();
        if (slab === null) return;
        at += this.#fill(slab, chunk.subarray(at));
      }
      freeBytes(chunk);
    }
    this.#send();
    this.#job.send({ kind: 'end' });
  }

  /** A slab with room; null once the job has ended. */
  async #open(): Promise<Slab | null> {
    while (!this.#job.isSettled) {
      this.#slab ??= this.#spare.pop() ?? this.#make();
      if (this.#slab !== null) return this.#slab;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return null;
  }

  #make(): Slab | null {
    if (this.#made === slabsMax) return null;
    this.#made++;
    return new Uint8Array(slabBytes);
  }

  /** How many of the bytes it took; a job that has nothing to do gets a slab before it is full. */
  #fill(slab: Slab, bytes: Uint8Array): number {
    const taken = bytes.subarray(0, slab.length - this.#filled);
    slab.set(taken, this.#filled);
    this.#filled += taken.length;
    this.#done += taken.length;
    if (this.#filled === slab.length || this.#away === 0) this.#send();
    this.#onBytes(this.#done);
    return taken.length;
  }

  #send(): void {
    if (this.#slab === null || this.#filled === 0) return;
    this.#away++;
    this.#job.send({ kind: 'bytes', slab: this.#slab, length: this.#filled });
    this.#slab = null;
    this.#filled = 0;
  }
}
