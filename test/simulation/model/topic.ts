import { assert } from '../../../src/runtime/index.ts';
import type { ModelDelivery, ModelMessage } from './message.ts';
import type { ModelSubscription } from './subscription.ts';

/** Attributes that a dead letter's copy has beside those of the message. */
const copyMark = 'CloudPubSubDeadLetterSourceSubscription';

/** A topic: who reads it, whether its key may be used, and every message that it ever got. */
export class ModelTopic {
  readonly name: string;
  /** The version of its key; absent: the service's own key. */
  readonly keyVersion: string | undefined;
  retentionMs: number | undefined;
  readonly subscriptions: Set<ModelSubscription> = new Set();
  readonly messages: Map<string, ModelMessage> = new Map();
  isRevoked = false;
  isDeleted = false;
  /** Dead letters come here: nobody outside knows how many. */
  hasCopies = false;
  readonly #textOfId = new Map<string, string>();
  #lastId = '';

  constructor(name: string, keyVersion: string | undefined, retentionMs: number | undefined) {
    this.name = name;
    this.keyVersion = keyVersion;
    this.retentionMs = retentionMs;
  }

  publishing(message: ModelMessage): void {
    this.messages.set(message.text, message);
    for (const subscription of this.subscriptions) subscription.add(message);
  }

  /** Ids of answers come in order. */
  published(messages: readonly ModelMessage[], ids: readonly string[], wallMs: number): void {
    assert(ids.length === messages.length, 'an id for each message');
    for (const [i, message] of messages.entries()) {
      assert(ids[i]! > this.#lastId, `id ${ids[i]!} after ${this.#lastId}`);
      this.#lastId = ids[i]!;
      message.latestMs = Math.min(message.latestMs, wallMs);
      this.#name(message, ids[i]!);
    }
  }

  refused(messages: readonly ModelMessage[]): void {
    for (const message of messages) {
      this.messages.delete(message.text);
      for (const subscription of this.subscriptions) subscription.forget(message);
    }
  }

  /** The publisher never learnt of them: they may be there. */
  unanswered(messages: readonly ModelMessage[], wallMs: number): void {
    for (const message of messages) message.latestMs = Math.min(message.latestMs, wallMs);
  }

  /** Every id names one message, every message has one id, and it comes as it was published. */
  identify(message: ModelMessage, got: ModelDelivery): void {
    const { text } = message;
    assert(got.padding === message.padding, `${text} came with other data`);
    assert(got.key === message.key, `${text} came with another ordering key`);
    assert(
      JSON.stringify(sorted(got.attributes)) === JSON.stringify(sorted(message.attributes)),
      `${text} came with other attributes`,
    );
    const { earliestMs, latestMs } = message;
    const isInTime = earliestMs <= got.publishTimeMs && got.publishTimeMs <= latestMs;
    assert(isInTime, `${text} says it was published at ${got.publishTimeMs}`);
    this.#name(message, got.messageId);
  }

  /** The name of a delivery in the model: a copy is a message of its own. */
  textOf(got: ModelDelivery): string {
    if (got.attributes[copyMark] === undefined) return got.text;
    const text = `${got.text} ${got.messageId}`;
    if (!this.messages.has(text)) this.#copied(got, text);
    return text;
  }

  #copied(got: ModelDelivery, text: string): void {
    assert(this.hasCopies, `a dead letter in a topic that nobody named: ${got.text}`);
    const { padding, key, attributes, publishTimeMs, messageId } = got;
    const times = { earliestMs: publishTimeMs, latestMs: publishTimeMs };
    const message = { text, padding, key, attributes, ...times, id: messageId };
    this.messages.set(text, message);
    for (const subscription of this.subscriptions) subscription.add(message, 'doubtful');
  }

  #name(message: ModelMessage, id: string): void {
    const known = this.#textOfId.get(id);
    assert(known === undefined || known === message.text, `two messages have the id ${id}`);
    assert(message.id === undefined || message.id === id, `one message has two ids: ${id}`);
    this.#textOfId.set(id, message.text);
    message.id = id;
  }
}

const sorted = (attributes: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
