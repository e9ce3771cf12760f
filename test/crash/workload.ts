import type { Chance } from '../support/chance.ts';
import type { GrpcClient } from './grpc-client.ts';
import type { KnownSnapshot, KnownSubscription, KnownTopic, Ledger } from './ledger.ts';
import { payloadOf } from './payload.ts';
import { statusOf, type PubsubClient } from './pubsub-client.ts';

export interface WorkloadOptions {
  readonly ledger: Ledger;
  readonly chance: Chance;
  readonly clients: readonly PubsubClient[];
  readonly streaming: GrpcClient;
  readonly project: string;
  readonly kmsKeyName: string;
  /** Tells this life's payloads and topics from those of others. */
  readonly life: number;
  /** The topics that stay, as resource names; the streamed subscription is the first's. */
  readonly lastingTopics: readonly string[];
  readonly streamed: string;
  readonly isOver: () => boolean;
}

/** Refusals that the workload itself brings about: it uses what it has deleted. */
const expected: ReadonlySet<string> = new Set(['BROKEN', 'UNAVAILABLE', 'NOT_FOUND']);
/** Messages of one life, so that files stay small enough to be searched after each kill. */
const messagesMax = 600;

/** Clients of every kind at work at once, until the server dies under them. */
export class Workload {
  readonly #options: WorkloadOptions;
  #ordinal = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** Resolves when the server is gone, or when nothing is left to do. */
  async run(): Promise<void> {
    const { lastingTopics, ledger } = this.#options;
    const stream = this.#stream();
    const lasting = [...ledger.subscriptions.values()].filter(
      ({ name, topic }) => name !== this.#options.streamed && lastingTopics.includes(topic),
    );
    await Promise.all([
      ...lastingTopics.map((topic) => this.#publishing(topic)),
      ...lastingTopics.map((topic) => this.#publishing(topic)),
      ...lasting.map((known) => this.#consuming(known)),
      this.#churning(),
    ]);
    stream();
  }

  /** Deletes what earlier lives left and makes topics and subscriptions of its own. */
  async #churning(): Promise<void> {
    const { ledger, lastingTopics } = this.#options;
    for (let i = 0; !this.#options.isOver(); i++) {
      await this.#churn(i);
      const left = [...ledger.topics.values()].filter(
        ({ name, state }) => state !== 'gone' && !lastingTopics.includes(name),
      );
      for (const topic of left.slice(0, Math.max(0, left.length - 3))) await this.#remove(topic);
    }
  }

  async #churn(i: number): Promise<void> {
    const { chance, ledger, project, life, kmsKeyName } = this.#options;
    const topic = ledger.want(`${project}/topics/churn-${life}-${i}`);
    const key = chance.isTrue(0.5) ? kmsKeyName : undefined;
    if (!(await this.#try((client) => client.createTopic(topic.name, key)))) return;
    topic.state = 'there';
    const name = `${project}/subscriptions/churn-${life}-${i}`;
    const known = ledger.wantSubscription(name, topic.name);
    if (!(await this.#try((client) => client.createSubscription(name, topic.name)))) return;
    known.state = 'there';
    for (let n = 0; n < 3; n++) await this.#publish(topic.name);
    await this.#replay(known, `${project}/snapshots/churn-${life}-${i}`);
    await this.#consume(known);
    if (chance.isTrue(0.7)) await this.#remove(topic);
  }

  /** A snapshot, some acknowledgements, and a seek that takes them back. */
  async #replay(known: KnownSubscription, name: string): Promise<void> {
    const { ledger, chance } = this.#options;
    await this.#consume(known);
    const snapshot = ledger.wantSnapshot(name, known);
    if (!(await this.#try((client) => client.createSnapshot(name, known.name)))) return;
    snapshot.state = 'there';
    await this.#consume(known);
    ledger.seeking(known, snapshot);
    if (!(await this.#try((client) => client.seek(known.name, name)))) return;
    ledger.sought(known, snapshot);
    if (chance.isTrue(0.5)) await this.#delete(snapshot, (client) => client.deleteSnapshot(name));
  }

  /** A topic, its subscriptions and its snapshots, in either order: messages outlive their topic. */
  async #remove(topic: KnownTopic): Promise<void> {
    const { chance, ledger } = this.#options;
    const readers = [...ledger.subscriptions.values()].filter(
      (known) => known.topic === topic.name && known.state !== 'gone',
    );
    const isTopicFirst = chance.isTrue(0.5);
    if (isTopicFirst) await this.#delete(topic, (client) => client.deleteTopic(topic.name));
    for (const known of readers) {
      if (isTopicFirst) await this.#consume(known);
      await this.#delete(known, (client) => client.deleteSubscription(known.name));
    }
    for (const snapshot of ledger.snapshots.values()) {
      if (snapshot.topic !== topic.name) continue;
      await this.#delete(snapshot, (client) => client.deleteSnapshot(snapshot.name));
    }
    if (!isTopicFirst) await this.#delete(topic, (client) => client.deleteTopic(topic.name));
  }

  async #delete(
    what: KnownTopic | KnownSubscription | KnownSnapshot,
    call: (client: PubsubClient) => Promise<void>,
  ): Promise<void> {
    const { state } = what;
    if (state === 'gone') return;
    what.state = 'doomed';
    const isDone = await this.#try(call, (status) => {
      // Only of one whose earlier deletion nobody answered may it be said that it is gone.
      if (status === 'NOT_FOUND' && state === 'there') {
        this.#options.ledger.violate(`${what.name} was answered and is not found`);
      }
      if (status === 'NOT_FOUND') what.state = 'gone';
    });
    if (isDone) what.state = 'gone';
  }

  async #publishing(topic: string): Promise<void> {
    while (!this.#options.isOver() && this.#ordinal < messagesMax) await this.#publish(topic);
  }

  async #publish(topic: string): Promise<void> {
    const { chance, ledger, life } = this.#options;
    const isOrdered = chance.isTrue(0.3);
    const messages = Array.from({ length: 1 + chance.below(4) }, () => {
      const fillerBytes = chance.isTrue(0.05) ? 20_000 : chance.below(900);
      return payloadOf(`${life}-${this.#ordinal++}`, fillerBytes, isOrdered);
    });
    const keys = messages.map(({ attributes }) => attributes['key']!.replace(/^.*:/, ''));
    const readers = ledger.readers(topic);
    ledger.sent(keys, topic);
    await this.#try(async (client) => {
      ledger.published(keys, await client.publish(topic, messages), readers);
    });
  }

  async #consuming(known: KnownSubscription): Promise<void> {
    while (!this.#options.isOver()) await this.#consume(known);
  }

  /** One pull, and a unary ack of some of what this life was given. */
  async #consume(known: KnownSubscription): Promise<void> {
    const { chance, ledger } = this.#options;
    if (known.state !== 'there') return;
    await this.#try(async (client) => {
      const asked = ledger.now();
      ledger.received(known, await client.pull(known.name, 1 + chance.below(60)), asked);
    });
    const held = [...known.held].filter(() => chance.isTrue(0.6)).slice(0, 100);
    if (held.length === 0) return;
    const keys = held.map(([key]) => key);
    ledger.acking(known, keys);
    await this.#try(async (client) => {
      await client.acknowledge(
        known.name,
        held.map(([, ackId]) => ackId),
      );
      ledger.ackAnswered(known, keys);
    });
  }

  /** A StreamingPull whose acks nobody answers. */
  #stream(): () => void {
    const { ledger, chance, streaming, streamed } = this.#options;
    const known = ledger.subscriptions.get(streamed)!;
    const asked = ledger.now();
    const stream = streaming.stream(streamed, (messages) => {
      const keys = ledger.received(known, messages, asked).filter(() => chance.isTrue(0.8));
      ledger.acking(known, keys);
      const ackIds = keys.flatMap((key) => known.held.get(key) ?? []);
      if (ackIds.length > 0) stream.acknowledge(ackIds);
    });
    return () => stream.cancel();
  }

  /** True if it was answered with success. What the server should never say is a violation. */
  async #try(
    call: (client: PubsubClient) => Promise<void>,
    refused: (status: string) => void = () => undefined,
  ): Promise<boolean> {
    const { ledger, chance, clients } = this.#options;
    const client = chance.pick(clients);
    try {
      await call(client);
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (!expected.has(status)) ledger.violate(`${client.protocol} answered ${String(error)}`);
      refused(status);
      return false;
    }
  }
}
