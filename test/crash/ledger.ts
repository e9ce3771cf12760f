import { keyOf } from './payload.ts';
import type { Incoming } from './pubsub-client.ts';

/**
 * - `wanted`: asked for, not answered. `there`: answered. `doomed`: its deletion is asked for.
 * - `gone`: its deletion is answered.
 */
type Existence = 'wanted' | 'there' | 'doomed' | 'gone';

export interface KnownTopic {
  readonly name: string;
  state: Existence;
}

export interface KnownSubscription {
  readonly name: string;
  readonly topic: string;
  state: Existence;
  /** Payloads that were answered and must be delivered until their ack is sent. */
  readonly owed: Set<string>;
  /** Payloads whose ack was sent, answered or not: they may come again or not. */
  readonly released: Set<string>;
  /** Payloads whose ack was answered, and the tick of that answer. */
  readonly acked: Map<string, number>;
  /** Ack ids that this life of the server handed out, by payload. */
  readonly held: Map<string, string>;
}

export interface KnownSnapshot {
  readonly name: string;
  readonly topic: string;
  state: Existence;
  /** Payloads that a seek to it must bring back. */
  readonly retained: ReadonlySet<string>;
}

/** Everything that the server promised, and every promise that it broke. */
export class Ledger {
  readonly topics: Map<string, KnownTopic> = new Map();
  readonly subscriptions: Map<string, KnownSubscription> = new Map();
  readonly snapshots: Map<string, KnownSnapshot> = new Map();
  readonly violations: string[] = [];
  readonly #sent = new Map<string, { readonly topic: string; messageId: string | null }>();
  #tick = 0;
  answered = 0;
  delivered = 0;
  acked = 0;

  /** Moments of the harness, to tell what was asked before an answer from what was asked after. */
  now(): number {
    return ++this.#tick;
  }

  violate(what: string): void {
    this.violations.push(what);
  }

  want(name: string): KnownTopic {
    const topic: KnownTopic = this.topics.get(name) ?? { name, state: 'wanted' };
    this.topics.set(name, topic);
    return topic;
  }

  wantSubscription(name: string, topic: string): KnownSubscription {
    const found = this.subscriptions.get(name) ?? {
      name,
      topic,
      state: 'wanted' as Existence,
      owed: new Set<string>(),
      released: new Set<string>(),
      acked: new Map<string, number>(),
      held: new Map<string, string>(),
    };
    this.subscriptions.set(name, found);
    return found;
  }

  /** Of a subscription that nobody else acknowledges from meanwhile. */
  wantSnapshot(name: string, of: KnownSubscription): KnownSnapshot {
    const retained = new Set(of.owed);
    const snapshot: KnownSnapshot = { name, topic: of.topic, state: 'wanted', retained };
    this.snapshots.set(name, snapshot);
    return snapshot;
  }

  /** What it retains may come again from now on, whatever was acknowledged. */
  seeking(known: KnownSubscription, { retained }: KnownSnapshot): void {
    for (const key of retained) known.acked.delete(key);
    known.held.clear();
  }

  /** What it retains is owed again. */
  sought(known: KnownSubscription, { retained }: KnownSnapshot): void {
    for (const key of retained) {
      known.released.delete(key);
      known.owed.add(key);
    }
  }

  /** Subscriptions that a publish from now on must reach. */
  readers(topic: string): KnownSubscription[] {
    return this.existing().filter((known) => known.topic === topic);
  }

  existing(): KnownSubscription[] {
    return [...this.subscriptions.values()].filter(({ state }) => state === 'there');
  }

  sent(keys: readonly string[], topic: string): void {
    for (const key of keys) this.#sent.set(key, { topic, messageId: null });
  }

  published(keys: readonly string[], ids: readonly string[], readers: KnownSubscription[]): void {
    if (ids.length !== keys.length) this.violate(`${keys.length} messages got ${ids.length} ids`);
    for (const [i, key] of keys.entries()) {
      this.#named(key, ids[i] ?? '');
      this.answered++;
      for (const reader of readers) if (!reader.released.has(key)) reader.owed.add(key);
    }
  }

  /** Checks what came; `asked` is the tick before the pull was sent. Returns the payload keys. */
  received(from: KnownSubscription, messages: readonly Incoming[], asked: number): string[] {
    const keys: string[] = [];
    for (const message of messages) {
      const key = keyOf(message);
      const sent = key === null ? undefined : this.#sent.get(key);
      if (key === null || sent?.topic !== from.topic) {
        this.violate(`${from.name} got message ${message.messageId} that nobody published so`);
        continue;
      }
      this.#named(key, message.messageId);
      if ((from.acked.get(key) ?? Infinity) < asked) {
        this.violate(`${from.name} got ${key} again after its ack was answered`);
      }
      from.held.set(key, message.ackId);
      this.delivered++;
      keys.push(key);
    }
    return keys;
  }

  /** Nothing is promised of it any more, and nothing yet of the ack. */
  acking(of: KnownSubscription, keys: readonly string[]): void {
    for (const key of keys) {
      of.owed.delete(key);
      of.released.add(key);
    }
  }

  ackAnswered(of: KnownSubscription, keys: readonly string[]): void {
    const tick = this.now();
    for (const key of keys) {
      if (!of.acked.has(key)) of.acked.set(key, tick);
      of.held.delete(key);
    }
    this.acked += keys.length;
  }

  /** A new life of the server: ack ids of the last one are worth nothing. */
  forgetHeld(): void {
    for (const { held } of this.subscriptions.values()) held.clear();
  }

  #named(key: string, messageId: string): void {
    const sent = this.#sent.get(key);
    if (!sent) return;
    if (sent.messageId !== null && sent.messageId !== messageId) {
      this.violate(`${key} has the ids ${sent.messageId} and ${messageId}`);
    }
    sent.messageId = messageId;
  }
}
