import type { Environment } from '../environment.ts';
import { Leases, type Lease } from './leases.ts';
import { Listeners } from '../listeners.ts';
import { Message } from './message.ts';
import { quiet } from '../quiet.ts';
import { badArgument, type SealpostError } from '../sealpost-error.ts';
import type { Session } from '../session.ts';
import { Settler } from './settler.ts';
import { Stream } from './stream.ts';
import type { SubscribeSettings } from './subscribe-options.ts';
import type { ReceivedMessage, SettleResult, Subscribed } from '../wire/frame.ts';

/** `waiting`: it ended for a reason that may pass, such as a revoked key, and opens again. */
export type SubscriptionState = 'opening' | 'open' | 'waiting' | 'closed';

export interface SubscriptionStateChange {
  readonly state: SubscriptionState;
  /** Why it waits, or why it is closed if not by its user. */
  readonly error: SealpostError | undefined;
}

/** What comes of a subscription, for as long as anybody reads it. */
export interface Subscription extends AsyncIterable<Message> {
  /** As the server calls it; of an ephemeral one, empty until it is open. */
  readonly name: string;
  readonly state: SubscriptionState;
  /** What the subscription promises, as of its opening; false until then. */
  readonly isExactlyOnce: boolean;
  readonly isOrdered: boolean;
  /** Tells of each change of `state`; returns what stops that. */
  onStateChange(listener: (change: SubscriptionStateChange) => void): () => void;
  /**
   * Ends the iteration and the stream; what was not handed out is given back. Messages that were
   * handed out can still be acknowledged. Leaving the loop does this too.
   */
  close(): Promise<void>;
}

interface Reader {
  readonly resolve: (result: IteratorResult<Message>) => void;
  readonly reject: (error: SealpostError) => void;
}

/** For the answers to the last acks; without connection they are not waited for any longer. */
const closeTimeoutMs = 5_000;

/** A subscription, from its stream to the loop that reads it. */
export class LeasingSubscription implements Subscription {
  readonly #settings: SubscribeSettings;
  readonly #environment: Environment;
  readonly #settler: Settler;
  readonly #leases: Leases;
  readonly #stream: Stream;
  readonly #listeners = new Listeners<SubscriptionStateChange>();
  readonly #onFinished: () => void;
  #subscribed: Subscribed | undefined;
  #state: SubscriptionState = 'opening';
  #error: SealpostError | undefined;
  /** Delivered and not handed out. */
  #queue: Lease[] = [];
  #readers: Reader[] = [];
  #closing: Promise<void> | undefined;
  #isFinished = false;

  /** `onFinished` is called when it is closed, holds nothing any more and has settled the rest. */
  constructor(
    session: Session,
    environment: Environment,
    settings: SubscribeSettings,
    onFinished: () => void,
  ) {
    this.#settings = settings;
    this.#environment = environment;
    this.#onFinished = onFinished;
    this.#settler = new Settler(session, environment);
    this.#leases = new Leases(environment, this.#settler, (lease) => this.#lapsed(lease));
    this.#stream = new Stream(session, environment, settings.request, {
      opened: (subscribed) => this.#opened(subscribed),
      delivered: ({ messages }) => this.#delivered(messages),
      interrupted: (error) => this.#interrupted(error),
      failed: (error) => this.#failed(error),
    });
  }

  get name(): string {
    return this.#subscribed?.subscription ?? this.#settings.request.subscription;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get isExactlyOnce(): boolean {
    return this.#subscribed?.exactlyOnceDeliveryEnabled ?? false;
  }

  get isOrdered(): boolean {
    return this.#subscribed?.messageOrderingEnabled ?? false;
  }

  onStateChange(listener: (change: SubscriptionStateChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** The client ends: nothing can be acknowledged any more, so that all is given back. */
  async release(): Promise<void> {
    await this.close();
    for (const ackId of this.#leases.clear()) void this.#settler.settle(ackId, 0);
    this.#settler.flush();
    await this.#settler.idle();
  }

  /** The session is over. */
  abandon(error: SealpostError): void {
    this.#leases.clear();
    this.#settler.close(error);
    this.#failed(error);
  }

  #next(): Promise<IteratorResult<Message, undefined>> {
    return quiet(
      new Promise((resolve, reject) => {
        this.#readers.push({ resolve, reject });
        this.#serve();
      }),
    );
  }

  /** Hands out what there is to whoever waits for it, within the limits of what may be held. */
  #serve(): void {
    while (this.#readers.length > 0) {
      if (this.#state === 'closed') {
        this.#endReaders();
        return;
      }
      const [lease] = this.#queue;
      if (lease === undefined || this.#isHoldingAll()) return;
      this.#queue.shift();
      this.#leases.hold(lease);
      this.#readers.shift()?.resolve({ done: false, value: lease.message });
    }
  }

  #endReaders(): void {
    const error = this.#error;
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
  }

  #isHoldingAll(): boolean {
    const { maxOutstandingMessages, maxOutstandingBytes } = this.#settings.request;
    const { heldCount, heldBytes } = this.#leases;
    return heldCount >= maxOutstandingMessages || heldBytes >= maxOutstandingBytes;
  }

  #opened(subscribed: Subscribed): void {
    this.#subscribed = subscribed;
    this.#leases.ackDeadlineSeconds = subscribed.ackDeadlineSeconds;
    this.#settler.streamOpened(this.#stream.id);
    if (this.#state !== 'closed') this.#setState('open');
  }

  #delivered(messages: readonly ReceivedMessage[]): void {
    if (this.#state === 'closed') {
      for (const { ackId } of messages) void this.#settler.settle(ackId, 0);
      return;
    }
    for (const received of messages) {
      const { ackId, data } = received;
      const message = new Message(received, this.#settling);
      this.#queue.push(
        this.#leases.add({ ackId, message, bytes: data.length }, this.#settings.extendMs),
      );
    }
    this.#serve();
  }

  readonly #settling = {
    ack: (ackId: string): Promise<SettleResult> => this.#settle(ackId, null),
    nack: (ackId: string): Promise<SettleResult> => this.#settle(ackId, 0),
    extend: (ackId: string, seconds: number): Promise<SettleResult> => {
      if (seconds === 0) return this.#settle(ackId, 0);
      if (!Number.isInteger(seconds) || seconds < 0 || seconds > 600) {
        const message = `A deadline is a whole number of seconds from 0 to 600, not ${seconds}.`;
        return quiet(Promise.reject(badArgument('BAD_DEADLINE', message)));
      }
      this.#leases.leaveTo(ackId, seconds);
      return this.#settler.settle(ackId, seconds);
    },
  };

  #settle(ackId: string, deadlineSeconds: 0 | null): Promise<SettleResult> {
    this.#leases.remove(ackId);
    const settled = this.#settler.settle(ackId, deadlineSeconds);
    this.#serve();
    this.#checkFinished();
    return settled;
  }

  #lapsed(lease: Lease): void {
    this.#queue = this.#queue.filter((other) => other !== lease);
    this.#serve();
    this.#checkFinished();
  }

  /** What nobody has read is given back; on an ephemeral subscription nobody else would get it. */
  #interrupted(error: SealpostError | undefined): void {
    if (error === undefined) this.#settler.streamLost();
    if (this.#settings.request.topic === '') {
      this.#giveBackQueue();
    } else {
      this.#leases.clear();
      this.#queue = this.#queue.slice(-this.#settings.request.maxOutstandingMessages);
    }
    this.#setState('waiting', error);
  }

  #giveBackQueue(): void {
    for (const { ackId } of this.#queue.splice(0)) {
      this.#leases.remove(ackId);
      void this.#settler.settle(ackId, 0);
    }
  }

  #failed(error: SealpostError): void {
    if (this.#state === 'closed') return;
    for (const { ackId } of this.#queue.splice(0)) this.#leases.remove(ackId);
    this.#settler.giveUp();
    this.#end(error);
  }

  #end(error: SealpostError | undefined): void {
    this.#error = error;
    this.#setState('closed', error);
    this.#endReaders();
    this.#checkFinished();
  }

  async #close(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#giveBackQueue();
      this.#end(undefined);
    }
    this.#settler.flush();
    const closed = this.#stream.close().then(() => {
      this.#settler.giveUp();
      this.#settler.flush();
      return this.#settler.idle();
    });
    await new Promise<void>((resolve) => {
      const cancel = this.#environment.schedule(closeTimeoutMs, resolve);
      void closed.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** The last acks are waited for as well: a client that closes now must know of them. */
  #checkFinished(): void {
    if (this.#isFinished || this.#state !== 'closed' || this.#leases.size > 0) return;
    this.#isFinished = true;
    void this.#settler.idle().then(this.#onFinished);
  }

  #setState(state: SubscriptionState, error?: SealpostError): void {
    if (state === this.#state && error === undefined) return;
    this.#state = state;
    this.#listeners.tell({ state, error });
  }
}
