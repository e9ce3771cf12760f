import { Readable } from 'node:stream';

/**
 * A stream of what a generator yields, each chunk asked for when there is room. Unlike
 * `Readable.from`, its end does not wait for the chunk that the generator is waiting for.
 */
export class PulledStream extends Readable {
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  readonly #leave: (reason: Error) => void;

  /** `leave` is called once, at the end: it must let go of whatever the generator waits for. */
  constructor(chunks: AsyncGenerator<Uint8Array, void>, leave: (reason: Error) => void) {
    // One chunk at a time: more would be joined in a copy, and wait for the collector.
    super({ highWaterMark: 1 });
    this.#chunks = chunks;
    this.#leave = leave;
    // It may fail before it is read; whoever reads it is told all the same.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#chunks.next().then(
      ({ done, value }) => void this.push(done === true ? null : value),
      (error: Error) => void this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leave(error ?? new Error('The reader has left.'));
    void this.#finish();
    done(error);
  }

  async #finish(): Promise<void> {
    try {
      await this.#chunks.return();
    } catch {
      // Nobody waits for it any more.
    }
  }
}
