import { PubSub, type Message, type Subscription } from '@google-cloud/pubsub';
import { afterAll, beforeAll } from 'vitest';

interface Addressed {
  readonly address: string;
}

/** The official client for the tests of one file. */
export class NodeClient {
  #pubsub: PubSub | undefined;

  /**
   * Finds the broker as a program of a user does: by the emulator's variables, and no metadata
   * server.
   */
  constructor(server: Addressed, project: string) {
    const variables = {
      PUBSUB_EMULATOR_HOST: () => server.address,
      GOOGLE_CLOUD_PROJECT: () => project,
      METADATA_SERVER_DETECTION: () => 'none',
    };
    beforeAll(() => {
      for (const [name, value] of Object.entries(variables)) process.env[name] = value();
      this.#pubsub = new PubSub();
    });
    afterAll(async () => {
      await this.#pubsub?.close();
      for (const name of Object.keys(variables)) delete process.env[name];
    });
  }

  get pubsub(): PubSub {
    if (this.#pubsub === undefined) throw new Error('The client is made before the first test.');
    return this.#pubsub;
  }
}

/** What a subscriber got, and how to wait for more. */
export class Inbox {
  readonly messages: Message[] = [];
  readonly errors: { readonly code: number; readonly message: string; readonly atMs: number }[] =
    [];
  #wake: (() => void)[] = [];

  /** Each message goes to `handle`; without one it is acknowledged. */
  constructor(
    subscription: Subscription,
    handle: (message: Message) => void = (message) => message.ack(),
  ) {
    subscription.on('message', (message: Message) => {
      this.messages.push(message);
      handle(message);
      this.#notify();
    });
    subscription.on('error', (error: Error & { code: number }) => {
      this.errors.push({ code: error.code, message: error.message, atMs: performance.now() });
      this.#notify();
    });
  }

  get texts(): string[] {
    return this.messages.map(({ data }) => data.toString());
  }

  async until(holds: (inbox: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** So many messages have come, redelivered ones counted again. */
  async count(count: number): Promise<void> {
    await this.until(({ messages }) => messages.length >= count);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A new topic of that name, a subscription NAME-sub to it, and its inbox is up to the caller. */
export async function topicWithSubscription(
  pubsub: PubSub,
  name: string,
  more: Parameters<PubSub['createSubscription']>[2] = {},
): Promise<{ topic: ReturnType<PubSub['topic']>; subscription: Subscription }> {
  const [topic] = await pubsub.createTopic(name);
  const [subscription] = await topic.createSubscription(`${name}-sub`, { ...more });
  return { topic, subscription };
}
