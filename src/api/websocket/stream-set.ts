import type { BrokerService, Delivery } from '../../broker/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { Subscribed } from './frames.ts';
import type { SessionCaller } from './caller/session-caller.ts';
import { SessionStream, type StreamHost } from './session-stream.ts';

/** What the streams of a session need of it. */
export interface StreamOwner {
  readonly hasRoom: boolean;
  greet(stream: SessionStream): void;
  deliver(stream: SessionStream, sequence: number, batch: readonly Delivery[]): number;
  /** `unconfirmedCount` messages of it may not have arrived. */
  failed(stream: SessionStream, error: unknown, unconfirmedCount: number): void;
  /** So many messages need no confirmation any more. */
  forgot(unconfirmedCount: number): void;
}

/** Streams whose messages may still be settled although they are over. */
const formerMax = 1_000;

/** The streams of one session, which share its connection turn by turn. */
export class StreamSet implements StreamHost {
  readonly #owner: StreamOwner;
  readonly #broker: BrokerService;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #count: (change: number) => void;
  readonly #streams: Map<number, SessionStream> = new Map();
  /** The subscription of each stream there is or was, oldest first. */
  readonly #subscriptions: Map<number, string> = new Map();
  /** In order of their next turn. */
  readonly #waiting: Set<SessionStream> = new Set();
  #isPumping = false;

  constructor(
    owner: StreamOwner,
    ports: { readonly broker: BrokerService; readonly clock: Clock; readonly log: Logger },
    count: (change: number) => void,
  ) {
    this.#owner = owner;
    this.#broker = ports.broker;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#count = count;
  }

  get size(): number {
    return this.#streams.size;
  }

  get hasRoom(): boolean {
    return this.#owner.hasRoom;
  }

  get ephemeralCount(): number {
    let count = 0;
    for (const { subscribed } of this.#streams.values()) if (subscribed.ephemeral) count++;
    return count;
  }

  get(id: number): SessionStream | undefined {
    return this.#streams.get(id);
  }

  /** Also of a stream that is over: what it delivered can still be settled. */
  subscriptionOf(id: number): string | undefined {
    return this.#subscriptions.get(id);
  }

  /** Resolves when the broker's stream is open. */
  async open(id: number, source: string, subscribed: Subscribed): Promise<void> {
    const stream = new SessionStream(id, source, subscribed, this);
    this.#streams.set(id, stream);
    this.#count(1);
    const settings = {
      ackDeadlineSeconds: subscribed.ackDeadlineSeconds,
      outstandingMessagesMax: subscribed.maxOutstandingMessages,
      outstandingBytesMax: subscribed.maxOutstandingBytes,
      clientId: '',
    };
    try {
      const pull = await this.#broker.openStream(subscribed.subscription, settings, stream);
      this.#remember(id, subscribed.subscription);
      stream.open(pull);
    } catch (error) {
      this.close(id);
      throw error;
    }
  }

  /** Nothing happens if there is no such stream. */
  close(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.close();
    this.#forget(stream);
  }

  closeAll(): void {
    for (const id of this.#streams.keys()) this.close(id);
  }

  /** The client does not come back: what it may have missed is for others. */
  endAll(): void {
    for (const stream of this.#streams.values()) {
      stream.close();
      this.#owner.forgot(stream.rewind(0));
      this.#forget(stream);
    }
  }

  /** A stream that was not opened after all. */
  discard({ ephemeral, subscription }: Subscribed): void {
    if (!ephemeral) return;
    this.#broker.deleteEphemeralSubscription(subscription).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'an ephemeral subscription was not deleted');
    });
  }

  /** Ends the streams that the session's caller may not have, or no more; what they sent stays. */
  keepAllowed(caller: SessionCaller): void {
    for (const stream of this.#streams.values()) {
      const error = caller.refusalOf(stream.source);
      if (error === undefined) continue;
      stream.fail(error);
      // Who may not receive settles nothing either.
      this.#subscriptions.delete(stream.id);
    }
  }

  confirm(ping: number): number {
    let count = 0;
    for (const stream of this.#streams.values()) count += stream.confirm(ping);
    return count;
  }

  /** The client is back: `positions` are those of streams that missed something. */
  rewind(positions: ReadonlyMap<number, number>): number {
    let count = 0;
    for (const [id, stream] of this.#streams) count += stream.rewind(positions.get(id) ?? Infinity);
    return count;
  }

  /** Lets streams that wait go on, one a turn, until the room is taken again. */
  pump(): void {
    if (this.#isPumping || !this.hasRoom) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.resume();
    if (this.#waiting.size === 0) return;
    this.#isPumping = true;
    this.#clock.soon(() => {
      this.#isPumping = false;
      this.pump();
    });
  }

  greet(stream: SessionStream): void {
    this.#owner.greet(stream);
  }

  deliver(stream: SessionStream, sequence: number, batch: readonly Delivery[]): number {
    return this.#owner.deliver(stream, sequence, batch);
  }

  wait(stream: SessionStream): void {
    this.#waiting.add(stream);
    this.pump();
  }

  failed(stream: SessionStream, error: unknown): void {
    this.#owner.failed(stream, error, this.#forget(stream));
  }

  giveBack(subscription: string, ackIds: readonly string[]): void {
    this.#broker.giveBack(subscription, ackIds);
  }

  /** Returns how many messages of it were unconfirmed. */
  #forget(stream: SessionStream): number {
    this.#waiting.delete(stream);
    if (!this.#streams.delete(stream.id)) return 0;
    this.#count(-1);
    this.discard(stream.subscribed);
    const unconfirmedCount = stream.forgetUnconfirmed();
    this.#owner.forgot(unconfirmedCount);
    return unconfirmedCount;
  }

  #remember(id: number, subscription: string): void {
    this.#subscriptions.set(id, subscription);
    if (this.#subscriptions.size <= formerMax) return;
    for (const oldest of this.#subscriptions.keys()) {
      if (this.#streams.has(oldest)) continue;
      this.#subscriptions.delete(oldest);
      return;
    }
  }
}
