import type { Delivery, PullStream, StreamSink } from '../../broker/index.ts';
import type { Subscribed } from './frames.ts';

/** What a stream asks of its session. */
export interface StreamHost {
  /** Room to send more, and a client to send it to. */
  readonly hasRoom: boolean;
  /** Tells the client that the stream is open, before anything is delivered. */
  greet(stream: SessionStream): void;
  /** Sends one batch; returns the number of the first ping that will be sent after it. */
  deliver(stream: SessionStream, sequence: number, batch: readonly Delivery[]): number;
  /** The stream waits until it is resumed. */
  wait(stream: SessionStream): void;
  failed(stream: SessionStream, error: unknown): void;
  /** At once, for delivery to whoever has room. */
  giveBack(subscription: string, ackIds: readonly string[]): void;
}

/** A batch that the client may have missed. */
interface Unconfirmed {
  readonly sequence: number;
  readonly ackIds: readonly string[];
  /** The first ping sent after it. */
  readonly ping: number;
}

/** One stream of a session: between the broker's stream and the connection of the moment. */
export class SessionStream implements StreamSink {
  readonly id: number;
  /** The topic or subscription that was asked for: what a token has to grant. */
  readonly source: string;
  readonly subscribed: Subscribed;
  readonly #host: StreamHost;
  #pull: PullStream | null = null;
  #unconfirmed: Unconfirmed[] = [];
  #sequence = 0;
  #isGreeted = false;
  #isWaiting = false;
  #isClosed = false;

  constructor(id: number, source: string, subscribed: Subscribed, host: StreamHost) {
    this.id = id;
    this.source = source;
    this.subscribed = subscribed;
    this.#host = host;
  }

  get subscription(): string {
    return this.subscribed.subscription;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The broker's stream is open. */
  open(pull: PullStream): void {
    if (this.#isClosed) {
      pull.close();
      return;
    }
    this.#pull = pull;
    this.#greet();
    // What was held back while there was nothing to resume may go on now.
    if (this.#isWaiting) this.#host.wait(this);
  }

  deliver(batch: readonly Delivery[]): boolean {
    if (this.#isClosed) return false;
    const ackIds = batch.map(({ ackId }) => ackId);
    if (!this.#host.hasRoom) {
      // Others of the session's streams took the room: not sent, so not opened for nothing again.
      this.#wait();
      queueMicrotask(() => this.#host.giveBack(this.subscription, ackIds));
      return false;
    }
    this.#greet();
    const sequence = ++this.#sequence;
    const ping = this.#host.deliver(this, sequence, batch);
    this.#unconfirmed.push({ sequence, ackIds, ping });
    if (this.#host.hasRoom) return true;
    this.#wait();
    return false;
  }

  fail(error: unknown): void {
    if (this.#isClosed) return;
    this.close();
    this.#host.failed(this, error);
  }

  /** Asked for once more, by a client that may have missed the answer. */
  greetAgain(): void {
    if (this.#isGreeted) this.#host.greet(this);
  }

  resume(): void {
    this.#isWaiting = false;
    if (!this.#isClosed) this.#pull?.resume();
  }

  /** What was delivered stays leased. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pull?.close();
  }

  /** Everything before this ping arrived; returns how many messages that confirms. */
  confirm(ping: number): number {
    const index = this.#unconfirmed.findIndex((entry) => entry.ping > ping);
    return messagesIn(this.#unconfirmed.splice(0, index < 0 ? Infinity : index));
  }

  /**
   * A client came back that saw nothing beyond this sequence: what it missed is given back, for
   * delivery under new sequences. Returns how many messages are unconfirmed no more.
   */
  rewind(sequence: number): number {
    const lost = this.#unconfirmed.filter((entry) => entry.sequence > sequence);
    for (const { ackIds } of lost) this.#host.giveBack(this.subscription, ackIds);
    return this.forgetUnconfirmed();
  }

  /** Returns how many messages that were. */
  forgetUnconfirmed(): number {
    const count = messagesIn(this.#unconfirmed);
    this.#unconfirmed = [];
    return count;
  }

  #greet(): void {
    if (this.#isGreeted) return;
    this.#isGreeted = true;
    this.#host.greet(this);
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    if (this.#pull !== null) this.#host.wait(this);
  }
}

function messagesIn(entries: readonly Unconfirmed[]): number {
  let count = 0;
  for (const { ackIds } of entries) count += ackIds.length;
  return count;
}
