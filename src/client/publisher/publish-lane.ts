import type { EncodedMessage } from '../wire/frame.ts';

/** A message on its way: published and not answered. */
export interface Outgoing {
  readonly encoded: EncodedMessage;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (messageId: string) => void;
  readonly reject: (error: unknown) => void;
  /** It goes in a frame of its own: a frame with others was refused, and one of them is why. */
  isAlone: boolean;
  /** When the server refused it for the first time; undefined: it did not. */
  refusedMs: number | undefined;
}

export interface BatchLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** The messages of one topic and one ordering key that no frame carries yet, in order. */
export class PublishLane {
  readonly name: string;
  readonly topic: string;
  /** Frames of an ordered lane go one at a time, so that a refused one cannot be overtaken. */
  readonly isOrdered: boolean;
  /** Frames without answer. */
  inFlight = 0;
  /** A timer that ends the wait for company or after a refusal, while there is one. */
  cancelTimer: (() => void) | undefined;
  /** The wait is after a refusal: nothing may go. */
  isPaused = false;
  #queue: Outgoing[] = [];
  #bytes = 0;

  constructor(name: string, topic: string, isOrdered: boolean) {
    this.name = name;
    this.topic = topic;
    this.isOrdered = isOrdered;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** There is enough for a whole batch. */
  isFull({ messagesMax, bytesMax }: BatchLimits): boolean {
    return this.#queue.length >= messagesMax || this.#bytes >= bytesMax;
  }

  add(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#bytes += outgoing.encoded.bytes;
  }

  /** Puts messages of a refused frame before all others. */
  putBack(batch: readonly Outgoing[]): void {
    this.#queue = [...batch, ...this.#queue];
    for (const { encoded } of batch) this.#bytes += encoded.bytes;
  }

  /** The next batch: at least one message, unless the lane is empty. */
  take({ messagesMax, bytesMax }: BatchLimits): Outgoing[] {
    let bytes = 0;
    let count = 0;
    for (const { encoded, isAlone } of this.#queue) {
      if (count > 0 && (isAlone || count >= messagesMax || bytes + encoded.bytes > bytesMax)) break;
      bytes += encoded.bytes;
      count++;
      if (isAlone) break;
    }
    this.#bytes -= bytes;
    return this.#queue.splice(0, count);
  }

  takeAll(): Outgoing[] {
    this.#bytes = 0;
    return this.#queue.splice(0);
  }
}
