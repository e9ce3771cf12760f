import type { ReceivedMessage, SettleResult } from '../wire/frame.ts';

const decoder = new TextDecoder();

/** What a message does to its lease. */
export interface Settling {
  ack(ackId: string): Promise<SettleResult>;
  nack(ackId: string): Promise<SettleResult>;
  extend(ackId: string, seconds: number): Promise<SettleResult>;
}

/**
 * A received message. Until it is acknowledged or given back it is leased to this client, which
 * extends the lease by itself.
 *
 * What `ack`, `nack` and `modifyAckDeadline` return may be ignored. It resolves to `done`; to
 * `expired` if the lease had ended, so that the message may come again; to `invalid` if the
 * subscription is gone; and rejects with SealpostError if the server refused. On an exactly-once
 * subscription also to `unordered`, while an earlier message of its ordering key is held, or to
 * `failed`, where it could not be made durable: both were tried again for half a minute by then,
 * and the message comes again.
 */
export class Message {
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
  /** Given by the server when it was published. */
  readonly id: string;
  readonly publishTime: Date;
  /** Empty: none. */
  readonly orderingKey: string;
  /** 1 for the first delivery; 0 where the subscription does not count. */
  readonly deliveryAttempt: number;
  readonly #ackId: string;
  readonly #settling: Settling;
  #settled: Promise<SettleResult> | undefined;

  constructor(received: ReceivedMessage, settling: Settling) {
    this.data = received.data;
    this.attributes = received.attributes;
    this.id = received.id;
    this.publishTime = new Date(received.publishTimeMs);
    this.orderingKey = received.orderingKey;
    this.deliveryAttempt = received.deliveryAttempt;
    this.#ackId = received.ackId;
    this.#settling = settling;
  }

  /** The data as UTF-8. */
  text(): string {
    return decoder.decode(this.data);
  }

  /** The data as JSON. Throws SyntaxError if it is none. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** Done with it: it does not come again. Only the first `ack` or `nack` counts. */
  ack(): Promise<SettleResult> {
    return (this.#settled ??= this.#settling.ack(this.#ackId));
  }

  /** Gives it back, for delivery at once to whoever has room. */
  nack(): Promise<SettleResult> {
    return (this.#settled ??= this.#settling.nack(this.#ackId));
  }

  /**
   * Moves the deadline to `seconds` from now, 0 to 600. From then on the lease is extended no more
   * by itself.
   */
  modifyAckDeadline(seconds: number): Promise<SettleResult> {
    return this.#settled ?? this.#settling.extend(this.#ackId, seconds);
  }
}
