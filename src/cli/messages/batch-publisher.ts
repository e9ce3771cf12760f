import type { Cancel, Clock } from '../../runtime/index.ts';
import type { MessageSender } from './message-sender.ts';
import { frameBytes, type OutgoingMessage } from './outgoing-message.ts';

export interface BatchOptions {
  readonly sender: MessageSender;
  readonly clock: Clock;
  /** Batches on their way at a time; 1 keeps their order whatever happens. */
  readonly inFlightMax: number;
  /** Told of each batch that is durable, in the order of the answers. */
  readonly onPublished: (ids: readonly string[]) => Promise<void>;
}

const messagesMax = 1000;
const bytesMax = 1_000_000;
/** A message waits so long for company. */
const lingerMs = 20;

/**
 * Gathers messages into batches and sends them. Whoever adds waits while too many are on their way,
 * so that a fast input is read no faster than the server takes it. The first final failure ends it:
 * `failed` aborts, and nothing more is sent.
 */
export class BatchPublisher {
  publishedCount = 0;
  /** Everything that was added. */
  addedCount = 0;
  failure: unknown;
  readonly #options: BatchOptions;
  readonly #failed = new AbortController();
  readonly #inFlight: Set<Promise<void>> = new Set();
  #batch: OutgoingMessage[] = [];
  #batchBytes = 0;
  #cancelLinger: Cancel = () => undefined;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Keeps the message, and its bytes as they are; resolves when there is room for the next. */
  async add(message: OutgoingMessage): Promise<void> {
    this.addedCount++;
    if (this.#failed.signal.aborted) return;
    const bytes = message.data.length + frameBytes(message);
    if (this.#batchBytes + bytes > bytesMax) await this.#flush();
    this.#batch.push(message);
    this.#batchBytes += bytes;
    if (this.#batch.length === 1) this.#linger();
    if (this.#batch.length === messagesMax) await this.#flush();
  }

  /** Resolves when everything that was added is published, or something failed for good. */
  async finish(): Promise<void> {
    await this.#flush();
    await Promise.all(this.#inFlight);
  }

  #linger(): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + lingerMs;
    this.#cancelLinger = clock.schedule(dueMs, () => {
      // With all places taken the batch had better grow: it leaves with the next place.
      if (this.#inFlight.size < this.#options.inFlightMax) this.#depart();
    });
  }

  async #flush(): Promise<void> {
    while (this.#inFlight.size >= this.#options.inFlightMax) await Promise.race(this.#inFlight);
    this.#depart();
  }

  #depart(): void {
    const batch = this.#batch;
    this.#cancelLinger();
    if (batch.length === 0 || this.#failed.signal.aborted) return;
    this.#batch = [];
    this.#batchBytes = 0;
    const flight = this.#send(batch).finally(() => {
      this.#inFlight.delete(flight);
      if (this.#batch.length > 0) this.#linger();
    });
    this.#inFlight.add(flight);
  }

  async #send(batch: readonly OutgoingMessage[]): Promise<void> {
    try {
      const ids = await this.#options.sender.send(batch);
      this.publishedCount += batch.length;
      await this.#options.onPublished(ids);
    } catch (error) {
      this.failure ??= error;
      this.#failed.abort();
    }
  }
}
