import { assert } from '../../src/runtime/index.ts';

/** A message as its publisher knows it. Without an id nobody answered: it may or may not exist. */
export interface ModelMessage {
  readonly text: string;
  readonly publishedMs: number;
  id?: string;
}

/** What stands between one subscription and one message. */
interface Entry {
  readonly message: ModelMessage;
  state: 'waiting' | 'outstanding' | 'done';
  /** Nobody else may get it before; meaningful while outstanding. */
  deadlineMs: number;
  /** Extended in its last moment, when nobody outside can say whether the lease was still there. */
  perhapsUntilMs: number;
  ackId: string;
  holder: object | null;
  /** Its ack was answered: not even a crash brings it back. */
  isDurablyDone: boolean;
  /** Its ack was not answered and the process crashed: it may be done or not. */
  isDoubtful: boolean;
}

export interface ModelDelivery {
  readonly text: string;
  readonly ackId: string;
  readonly messageId: string;
}

/** Who gets a batch, and under which promises. */
export interface ModelTaker {
  readonly holder: object;
  readonly nowMs: number;
  readonly wallMs: number;
  readonly ackDeadlineMs: number;
  readonly outstandingMax: number;
}

/** The wheel is at most so late. */
const latenessMs = 100;

/** One subscription as a list of everything that was published since it exists. */
export class ModelSubscription {
  readonly topic: ModelTopic;
  readonly retentionMs: number;
  readonly ackDeadlineMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(topic: ModelTopic, settings: { retentionMs: number; ackDeadlineMs: number }) {
    this.topic = topic;
    this.retentionMs = settings.retentionMs;
    this.ackDeadlineMs = settings.ackDeadlineMs;
  }

  add(message: ModelMessage): void {
    this.#entries.set(message.text, {
      message,
      state: 'waiting',
      deadlineMs: 0,
      perhapsUntilMs: 0,
      ackId: '',
      holder: null,
      isDurablyDone: false,
      isDoubtful: false,
    });
  }

  /** The publish was refused: it must never come. */
  forget(message: ModelMessage): void {
    this.#entries.delete(message.text);
  }

  deliver(got: ModelDelivery, taker: ModelTaker): void {
    const entry = this.#entries.get(got.text);
    const text = got.text.slice(0, 20);
    assert(!this.topic.isRevoked, `delivered under a revoked key: ${text}`);
    assert(entry, `delivered what was never published here: ${text}`);
    assert(entry.state !== 'done', `delivered again after its ack: ${text}`);
    const isHeld = entry.state === 'outstanding' && entry.deadlineMs > taker.nowMs;
    assert(!isHeld, `delivered while outstanding elsewhere: ${text}`);
    this.topic.identify(entry.message, got.messageId);
    entry.state = 'outstanding';
    entry.deadlineMs = taker.nowMs + taker.ackDeadlineMs;
    entry.perhapsUntilMs = 0;
    entry.ackId = got.ackId;
    entry.holder = taker.holder;
    entry.isDoubtful = false;
    const held = this.#all(
      (each) => each.holder === taker.holder && this.#isSurelyLeased(each, taker),
    );
    assert(held.length <= taker.outstandingMax, 'more outstanding than flow control allows');
  }

  /** `isDurable`: the ack was answered. */
  acked(text: string, isDurable: boolean): void {
    const entry = this.#entries.get(text);
    if (entry === undefined) return;
    entry.state = 'done';
    entry.isDurablyDone ||= isDurable;
  }

  /** A new deadline, or none (0), for the delivery that `ackId` names if that is the latest. */
  modified(text: string, ackId: string, at: { nowMs: number; seconds: number }): void {
    const entry = this.#entries.get(text);
    if (entry?.state !== 'outstanding' || entry.ackId !== ackId) return;
    const deadlineMs = at.nowMs + at.seconds * 1000;
    if (at.seconds === 0) entry.state = 'waiting';
    else if (entry.deadlineMs > at.nowMs) entry.deadlineMs = deadlineMs;
    else entry.perhapsUntilMs = deadlineMs;
  }

  /** Leases are gone with the process, and acks that were not answered may be. */
  crash(): void {
    for (const entry of this.#entries.values()) {
      entry.deadlineMs = 0;
      entry.isDoubtful ||= entry.state === 'done' && !entry.isDurablyDone;
      entry.state = entry.isDurablyDone ? 'done' : 'waiting';
    }
  }

  /** A sweep has passed and is durable: what is older than the retention must be gone. */
  swept(wallMs: number): void {
    for (const [text, entry] of this.#entries) {
      if (entry.message.publishedMs + this.retentionMs < wallMs) this.#entries.delete(text);
    }
  }

  /** Texts that the subscription still owes to its consumers. */
  owed(wallMs: number): string[] {
    return this.#all(
      ({ message, state, isDoubtful }) =>
        state !== 'done' &&
        message.id !== undefined &&
        !isDoubtful &&
        message.publishedMs + this.retentionMs > wallMs,
    );
  }

  /** How many unacknowledged messages there are, at least and at most. */
  backlogRange(wallMs: number): readonly [number, number] {
    return [this.owed(wallMs).length, this.#all(({ state }) => state !== 'done').length];
  }

  /** How many are leased, at least and at most. */
  outstandingRange(at: { nowMs: number; wallMs: number }): readonly [number, number] {
    const isPerhapsLeased = (each: Entry): boolean =>
      each.state === 'outstanding' &&
      Math.max(each.deadlineMs, each.perhapsUntilMs) + latenessMs >= at.nowMs;
    return [
      this.#all((each) => this.#isSurelyLeased(each, at)).length,
      this.#all(isPerhapsLeased).length,
    ];
  }

  #isSurelyLeased(entry: Entry, at: { nowMs: number; wallMs: number }): boolean {
    const { state, deadlineMs, message } = entry;
    const isExpired = message.publishedMs + this.retentionMs <= at.wallMs;
    return state === 'outstanding' && deadlineMs > at.nowMs && !isExpired;
  }

  #all(isWanted: (entry: Entry) => boolean): string[] {
    return [...this.#entries.values()].filter(isWanted).map(({ message }) => message.text);
  }
}

/** A topic: who reads it, whether its key may be used, and every id that was ever seen. */
export class ModelTopic {
  readonly name: string;
  /** The version of its key; absent: the service's own key. */
  readonly keyVersion: string | undefined;
  readonly subscriptions: Map<string, ModelSubscription> = new Map();
  isRevoked = false;
  isDeleted = false;
  readonly #textOfId = new Map<string, string>();
  #lastId = '';

  constructor(name: string, keyVersion: string | undefined) {
    this.name = name;
    this.keyVersion = keyVersion;
  }

  publishing(message: ModelMessage): void {
    for (const subscription of this.subscriptions.values()) subscription.add(message);
  }

  /** Ids of answers come in order. */
  published(messages: readonly ModelMessage[], ids: readonly string[]): void {
    assert(ids.length === messages.length, 'an id for each message');
    for (const [i, message] of messages.entries()) {
      assert(ids[i]! > this.#lastId, `id ${ids[i]!} after ${this.#lastId}`);
      this.#lastId = ids[i]!;
      this.identify(message, ids[i]!);
    }
  }

  refused(messages: readonly ModelMessage[]): void {
    for (const subscription of this.subscriptions.values()) {
      for (const message of messages) subscription.forget(message);
    }
  }

  /** Every id names one message, every message has one id. */
  identify(message: ModelMessage, id: string): void {
    const known = this.#textOfId.get(id);
    assert(known === undefined || known === message.text, `two messages have the id ${id}`);
    assert(message.id === undefined || message.id === id, `one message has two ids: ${id}`);
    this.#textOfId.set(id, message.text);
    message.id = id;
  }
}
