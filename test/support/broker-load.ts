import { GrpcWire } from './grpc-wire.ts';
import type { JumpingClock } from './jumping-clock.ts';
import { LiveKeys, type LiveKey } from './live-keys.ts';
import { answer, PushEndpoint } from './push-endpoint.ts';
import { SocketClient } from './socket-client.ts';
import type { StreamClient } from './stream-client.ts';
import { RestWire, type Json } from './wire.ts';

const project = 'projects/shop';
const topic = (id: string): string => `${project}/topics/${id}`;
const subscription = (id: string): string => `${project}/subscriptions/${id}`;

/** Where the endpoint fails now and then. */
const flakyPath = '/flaky';
/** At 1,000 without answer a session is read no further. */
const burst = 3000;

/**
 * Everything that clients do with a broker, well and badly: each round moves every metric that a
 * dashboard shows. Refusals are part of it, so that no round stops at one.
 */
export class BrokerLoad {
  readonly #url: string;
  readonly #clock: JumpingClock;
  readonly #rest: RestWire;
  readonly #grpc: GrpcWire;
  readonly #keys: LiveKeys;
  readonly #endpoint: PushEndpoint = new PushEndpoint();
  #streams: StreamClient[] = [];
  #acked = 0;
  #invoiceKey: LiveKey | undefined;
  #ledgerKey: LiveKey | undefined;
  #rounds = 0;

  constructor(port: number, clock: JumpingClock) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#clock = clock;
    this.#rest = new RestWire(() => this.#url);
    this.#grpc = new GrpcWire(() => `127.0.0.1:${port}`);
    this.#keys = new LiveKeys(() => this.#url);
  }

  /** Topics, subscriptions, keys, an endpoint, two streams. */
  async start(): Promise<void> {
    this.#endpoint.respond = ({ path, response }, index) => {
      answer(response, path === flakyPath && index % 5 === 4 ? 503 : 204);
    };
    await this.#endpoint.start();
    this.#invoiceKey = await this.#keys.createGranted(project);
    this.#ledgerKey = await this.#keys.createGranted(project);
    await this.#createTopics();
    await this.#createSubscriptions();
    this.#streams = [
      this.#grpc.stream({ subscription: subscription('audit'), streamAckDeadlineSeconds: 10 }),
      this.#grpc.stream({
        subscription: subscription('slow'),
        streamAckDeadlineSeconds: 600,
        maxOutstandingMessages: 1n,
      }),
    ];
  }

  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.cancel();
    this.#grpc.close();
    await this.#endpoint.stop();
  }

  /** The ledger's key is disabled: its publishers, subscribers and push stand still. */
  async revoke(): Promise<void> {
    // More than its endpoint is sent at once, so that something waits.
    await this.#publish('ledger', 500);
    await this.#keys.setState(this.#ledgerKey!, 'DISABLED');
  }

  async restore(): Promise<void> {
    await this.#keys.setState(this.#ledgerKey!, 'ENABLED');
  }

  /** A little of everything. */
  async round(): Promise<void> {
    this.#rounds++;
    await this.#publishAll();
    await this.#pullOrders();
    await this.#streamAudit();
    await this.#ledger();
    await this.#policies();
    await this.#config();
  }

  /** The invoices' key is disabled and enabled again, with calls in between. */
  async toggleKey(): Promise<void> {
    await this.#keys.setState(this.#invoiceKey!, 'DISABLED');
    await this.#refused(this.#publish('invoices', 1));
    await this.#refused(this.#pull('invoices'));
    await this.#keys.setState(this.#invoiceKey!, 'ENABLED');
    await this.#publish('invoices', 2);
    await this.#acknowledge('invoices', await this.#pull('invoices'));
  }

  /** Deadlines pass at once. */
  expire(): void {
    this.#clock.jump(11_000);
  }

  /** A session that publishes, subscribes, breaks and is resumed, and one that is refused. */
  async overWebSocket(): Promise<void> {
    await SocketClient.refusal(this.#url, { origin: 'https://evil.example.com' });
    const first = await SocketClient.open(this.#url);
    const { sessionId } = await first.hello();
    const stream = await first.subscribe({ topic: topic('orders') });
    const messages = [{ data: 'YQ==' }, { data: 'Yg==' }];
    await first.call({ publish: { topic: topic('orders'), messages } });
    const delivered = await first.untilMessages(stream, 2);
    const ackIds = delivered.map(({ ackId }) => ackId);
    await first.call({ acknowledge: { stream, ackIds } });
    await first.kill();
    const again = await SocketClient.open(this.#url);
    await again.hello({
      sessionId,
      streams: [{ stream, sequence: first.deliversOf(stream).length }],
    });
    await again.close();
  }

  /** More requests at once than a session may have without answer. */
  async floodWebSocket(): Promise<void> {
    const client = await SocketClient.begin(this.#url);
    const message = { publish: { topic: topic('chat'), messages: [{ data: 'YQ==' }] } };
    const ids = Array.from({ length: burst }, () => client.request(message));
    await client.until(({ id }) => id === ids.at(-1));
    await client.close();
  }

  async #createTopics(): Promise<void> {
    const create = (id: string, more: Json = {}): Promise<Json> =>
      this.#rest.call('CreateTopic', { name: topic(id), ...more });
    await create('orders', { messageRetentionDuration: '3600s' });
    await create('chat');
    await create('invoices', { kmsKeyName: this.#invoiceKey!.name });
    await create('ledger', { kmsKeyName: this.#ledgerKey!.name });
    await create('failures');
    await create('pressed', { messageTransforms: [zlib('COMPRESS')] });
    await create('short-lived');
  }

  async #createSubscriptions(): Promise<void> {
    const create = (id: string, of: string, more: Json = {}): Promise<Json> =>
      this.#rest.call('CreateSubscription', {
        name: subscription(id),
        topic: topic(of),
        ...more,
      });
    const pushEndpoint = this.#endpoint.url;
    for (const id of ['billing', 'audit', 'slow']) await create(id, 'orders');
    await create('archive', 'orders', { retainAckedMessages: true });
    await create('tea', 'orders', { filter: 'attributes.kind = "tea"' });
    await create('once', 'orders', { enableExactlyOnceDelivery: true });
    const deadLettersTo = (id: string): Json => ({
      deadLetterPolicy: { deadLetterTopic: topic(id), maxDeliveryAttempts: 5 },
    });
    await create('failing', 'chat', deadLettersTo('failures'));
    await create('hopeless', 'chat', deadLettersTo('short-lived'));
    await this.#rest.call('DeleteTopic', { topic: topic('short-lived') });
    await this.#snapshot('monday');
    const flaky = new URL(flakyPath, pushEndpoint).href;
    await create('webhook', 'orders', { pushConfig: { pushEndpoint: flaky } });
    await create('invoices', 'invoices');
    await create('pressed', 'pressed', { messageTransforms: [zlib('DECOMPRESS')] });
    await create('ledger', 'ledger');
    await create('ledger-webhook', 'ledger', { pushConfig: { pushEndpoint } });
  }

  async #publishAll(): Promise<void> {
    await this.#publish('orders', 20);
    await this.#publish('orders', 5, { orderingKey: 'a' });
    await this.#publish('invoices', 2);
    await this.#publish('pressed', 2);
    await this.#refused(this.#publish('nowhere', 1));
  }

  async #pullOrders(): Promise<void> {
    const ackIds = await this.#pull('billing', 24);
    await this.#acknowledge('billing', ackIds.slice(0, 16));
    await this.#modify('billing', ackIds.slice(16, 18), 0);
    await this.#modify('billing', ackIds.slice(18, 19), 20);
    await this.#acknowledge('invoices', await this.#pull('invoices', 10));
    await this.#acknowledge('pressed', await this.#pull('pressed', 10));
  }

  async #streamAudit(): Promise<void> {
    const [audit] = this.#streams;
    if (audit === undefined) return;
    await audit.until(({ messages }) => messages.length > this.#acked);
    const ackIds = audit.messages.slice(this.#acked).map(({ ackId }) => ackId);
    this.#acked += ackIds.length;
    const seconds = ackIds.map(() => 30);
    audit.send({ modifyDeadlineAckIds: ackIds, modifyDeadlineSeconds: seconds });
    audit.send({ ackIds });
  }

  /** Works until its key is revoked, and then does not. */
  async #ledger(): Promise<void> {
    try {
      await this.#publish('ledger', 3);
      await this.#acknowledge('ledger', await this.#pull('ledger', 100));
    } catch {
      const stream = this.#grpc.stream({
        subscription: subscription('ledger'),
        streamAckDeadlineSeconds: 10,
      });
      await stream.ended;
      await this.#refused(this.#pull('ledger'));
    }
  }

  /** Dead letters that arrive and that do not, stale ids, seeks and snapshots. */
  async #policies(): Promise<void> {
    await this.#publish('chat', 1);
    for (const id of ['failing', 'hopeless']) {
      for (let n = 0; n < 5; n++) await this.#modify(id, await this.#pull(id), 0);
    }
    const stale = await this.#pull('once', 2);
    await this.#modify('once', stale, 0);
    await this.#acknowledge('once', await this.#pull('once', 10));
    await this.#refused(this.#acknowledge('once', stale));
    await this.#acknowledge('archive', await this.#pull('archive', 100));
    const short = `short-lived-${this.#rounds}`;
    await this.#snapshot(short);
    await this.#rest.call('DeleteSnapshot', { snapshot: `${project}/snapshots/${short}` });
    const time = new Date(this.#clock.wallMs() - 60_000).toISOString();
    await this.#rest.call('Seek', { subscription: subscription('billing'), time });
  }

  async #snapshot(id: string): Promise<void> {
    const name = `${project}/snapshots/${id}`;
    await this.#rest.call('CreateSnapshot', { name, subscription: subscription('archive') });
  }

  async #config(): Promise<void> {
    const name = topic(`short-lived-${this.#rounds}`);
    const sub = subscription(`short-lived-${this.#rounds}`);
    await this.#rest.call('CreateTopic', { name });
    await this.#rest.call('CreateSubscription', { name: sub, topic: name });
    await this.#refused(this.#rest.call('CreateTopic', { name: topic('orders') }));
    await this.#rest.call('DeleteSubscription', { subscription: sub });
    await this.#rest.call('DeleteTopic', { topic: name });
  }

  async #publish(id: string, count: number, more: Json = {}): Promise<void> {
    const data = Buffer.alloc(200 + 40 * (this.#rounds % 20), 'x').toString('base64');
    const messages = Array.from({ length: count }, () => ({ data, ...more }));
    await this.#rest.call('Publish', { topic: topic(id), messages });
  }

  async #pull(id: string, maxMessages: number = 5): Promise<string[]> {
    const request = { subscription: subscription(id), maxMessages, returnImmediately: true };
    const { receivedMessages = [] } = await this.#rest.call<{
      receivedMessages?: { ackId: string }[];
    }>('Pull', request);
    return receivedMessages.map(({ ackId }) => ackId);
  }

  async #acknowledge(id: string, ackIds: readonly string[]): Promise<void> {
    if (ackIds.length === 0) return;
    await this.#rest.call('Acknowledge', { subscription: subscription(id), ackIds });
  }

  async #modify(id: string, ackIds: readonly string[], ackDeadlineSeconds: number): Promise<void> {
    if (ackIds.length === 0) return;
    const request = { subscription: subscription(id), ackIds, ackDeadlineSeconds };
    await this.#rest.call('ModifyAckDeadline', request);
  }

  async #refused(call: Promise<unknown>): Promise<void> {
    const answered = await call.then(
      () => true,
      () => false,
    );
    if (answered) throw new Error('what had to be refused was not');
  }
}

const zlib = (compressionMode: 'COMPRESS' | 'DECOMPRESS'): Json => ({
  compression: { compressionAlgorithm: 'ZLIB', compressionMode },
});
