import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { connect, type Client, type ConnectOptions } from '../../src/client/index.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { RestWire } from '../support/wire.ts';

const server = useLiveServer();
const proxy = new TcpProxy(() => Number(new URL(server.url).port));
const rest = new RestWire(() => server.url);
const keys = new LiveKeys(() => server.url);
const clients: Client[] = [];
let serial = 0;

beforeAll(() => proxy.start());
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await proxy.stop();
});

function open(url: string, options: ConnectOptions = {}): Client {
  const client = connect(url, options);
  clients.push(client);
  return client;
}

interface Names {
  readonly topic: string;
  readonly subscription: string;
}

async function makeNames(kmsKeyName: string = ''): Promise<Names> {
  const topic = `projects/p/topics/client-${++serial}`;
  const subscription = `projects/p/subscriptions/client-${serial}`;
  await rest.send('PUT', topic, { kmsKeyName });
  await rest.send('PUT', subscription, { topic });
  return { topic, subscription };
}

/** What was published and never acknowledged would come again. */
async function backlogOf(subscription: string): Promise<unknown[]> {
  const { receivedMessages = [] } = await rest.send<{ receivedMessages?: unknown[] }>(
    'POST',
    `${subscription}:pull`,
    { maxMessages: 10, returnImmediately: true },
  );
  return receivedMessages;
}

describe.each(['proto', 'json'] as const)('over %s', (protocol) => {
  test('what is published comes whole, and acks are durable', async () => {
    const { topic, subscription } = await makeNames();
    const client = open(server.url, { protocol });
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const attributes = { __proto__x: 'ü', é: '', '"': '\n' };
    const ids = await client.publish(topic, [
      { data: bytes, attributes, orderingKey: 'k' },
      { data: 'Grüße, 世界', orderingKey: 'k' },
      { attributes: { only: 'attributes' }, orderingKey: 'k' },
    ]);
    const received = [];
    for await (const message of client.subscribe(subscription)) {
      received.push(message);
      expect(await message.ack()).toBe('done');
      if (received.length === 3) break;
    }
    expect(received.map(({ id }) => id)).toEqual(ids);
    expect(received[0]).toMatchObject({ data: bytes, attributes, orderingKey: 'k' });
    expect(received[1]?.text()).toBe('Grüße, 世界');
    expect(received[2]).toMatchObject({
      data: new Uint8Array(0),
      attributes: { only: 'attributes' },
    });
    expect(received[0]?.publishTime.getTime()).toBeGreaterThan(Date.UTC(2020, 0));
    expect(await backlogOf(subscription)).toEqual([]);
  });

  test('a topic is subscribed to without a subscription of one’s own', async () => {
    const { topic } = await makeNames();
    const client = open(server.url, { protocol });
    const live = client.subscribe(topic);
    await new Promise<void>((resolve) => {
      const stop = live.onStateChange(({ state }) => {
        if (state !== 'open') return;
        stop();
        resolve();
      });
    });
    await client.publish(topic, { data: 'live' });
    for await (const message of live) {
      expect(message.text()).toBe('live');
      break;
    }
    expect(live.name).toMatch(/^projects\/p\/subscriptions\//);
  });

  test('errors are those of the API', async () => {
    const client = open(server.url, { protocol });
    const missing = client.publish('projects/p/topics/none', { data: 'a' });
    await expect(missing).rejects.toMatchObject({
      name: 'SealpostError',
      code: 5,
      status: 'NOT_FOUND',
      reason: 'RESOURCE_NOT_FOUND',
      message: 'Resource not found (resource=none).',
    });
    const loop = client.subscribe('projects/p/subscriptions/none')[Symbol.asyncIterator]();
    await expect(loop.next()).rejects.toMatchObject({ status: 'NOT_FOUND' });
  });

  test('a nacked message comes again at once', async () => {
    const { topic, subscription } = await makeNames();
    const client = open(server.url, { protocol });
    const id = await client.publish(topic, { data: 'again' });
    const seen: string[] = [];
    for await (const message of client.subscribe(subscription)) {
      seen.push(message.id);
      if (seen.length === 2) {
        void message.ack();
        break;
      }
      void message.nack();
    }
    expect(seen).toEqual([id, id]);
  });

  test('cut again and again under load: nothing is lost, published twice or out of order', async () => {
    const { topic, subscription } = await makeNames();
    const audit = `${subscription}-audit`;
    await rest.send('PUT', audit, { topic });
    const publisher = open(proxy.url, { protocol });
    const subscriber = open(proxy.url, { protocol });
    const count = 2_000;
    const received = new Map<string, string>();
    const reading = (async () => {
      for await (const message of subscriber.subscribe(subscription)) {
        const isNew = !received.has(message.id);
        received.set(message.id, message.text());
        void message.ack();
        if (received.size % 400 === 0 && isNew) proxy.cut();
        if (received.size === count) break;
      }
    })();
    const published: Promise<string>[] = [];
    for (let number = 0; number < count; number++) {
      published.push(publisher.publish(topic, { data: String(number), orderingKey: 'k' }));
      if (number % 50 === 0) await published.at(-1);
    }
    const ids = await Promise.all(published);
    await reading;
    expect(new Set(ids).size).toBe(count);
    expect([...received.keys()].toSorted()).toEqual(ids.toSorted());
    // Ids are given in the order of the topic's log.
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.map((id) => received.get(id))).toEqual(ids.map((_, number) => String(number)));
    // A session that was resumed publishes nothing twice: another subscription has these alone.
    const audited = new Set<string>();
    for await (const message of open(server.url).subscribe(audit)) {
      audited.add(message.id);
      void message.ack();
      if (audited.size === count) break;
    }
    expect([...audited].toSorted()).toEqual(ids);
    expect(await backlogOf(audit)).toEqual([]);
    expect(proxy.connectionCount).toBeGreaterThan(6);
  });

  test('a server that restarts is found again', async () => {
    const { topic, subscription } = await makeNames();
    const client = open(server.url, { protocol });
    const loop = client.subscribe(subscription)[Symbol.asyncIterator]();
    await client.publish(topic, { data: 'before' });
    void (await loop.next()).value.ack();
    await server.restart();
    const after = await client.publish(topic, { data: 'after' });
    let received: string = '';
    while (received !== after) {
      const { value } = await loop.next();
      received = value.id;
      void value.ack();
    }
  });
});

test('a revoked key refuses publishes at once; the loop waits, and goes on by itself', async () => {
  const key = await keys.createGranted('projects/p');
  const { topic, subscription } = await makeNames(key.name);
  const client = open(server.url);
  const stream = client.subscribe(subscription);
  const loop = stream[Symbol.asyncIterator]();
  await client.publish(topic, { data: 'one' });
  void (await loop.next()).value.ack();
  const waiting = new Promise((resolve) => {
    stream.onStateChange(({ state, error }) => {
      if (state === 'waiting') resolve(error);
    });
  });
  const next = loop.next();
  await keys.setState(key, 'DISABLED');
  await expect(client.publish(topic, { data: 'two' })).rejects.toMatchObject({
    status: 'FAILED_PRECONDITION',
  });
  expect(await waiting).toMatchObject({ status: 'FAILED_PRECONDITION' });
  await keys.setState(key, 'ENABLED');
  const id = await client.publish(topic, { data: 'two' });
  const { value } = await next;
  expect([value.id, value.text()]).toEqual([id, 'two']);
  void value.ack();
});

test('a topic deleted under an ephemeral subscription, or a lease held, ends nothing else', async () => {
  const { topic, subscription } = await makeNames();
  const client = open(server.url);
  await client.publish(topic, { data: 'held' });
  const loop = client.subscribe(subscription)[Symbol.asyncIterator]();
  const { value: held } = await loop.next();
  const ended = loop.next();
  await rest.send('DELETE', subscription);
  await expect(ended).rejects.toMatchObject({ status: 'NOT_FOUND' });
  expect(await held.ack()).toBe('invalid');
  expect(client.state).toBe('open');
});

test.each([
  ['the global one', globalThis.WebSocket],
  ['that of ws', WsWebSocket],
])('any WebSocket will do: %s', async (_which, WebSocket) => {
  const { topic } = await makeNames();
  const client = open(server.url, { WebSocket });
  await client.ready();
  expect(await client.publish(topic, { data: 'a' })).toMatch(/^\d+$/);
});

test('a token is renewed before it ends, and an ephemeral subscription misses nothing', async () => {
  const { topic } = await makeNames();
  const grants = ['publish', 'subscribe'].map((verb) => ({ verb, resources: [topic] }));
  let tokens = 0;
  const token = async (): Promise<string> => {
    // Those of one second would be the same, as if they were kept and not fresh.
    const body = JSON.stringify({ subject: 'ann', ttlSeconds: 100 + tokens, grants });
    const reply = await fetch(`${server.url}/sealpost/v1/browserTokens`, { method: 'POST', body });
    tokens++;
    return ((await reply.json()) as { token: string }).token;
  };
  const clock = new JumpingClock();
  const environment = {
    nowMs: () => clock.monotonicMs(),
    random: () => 0.5,
    schedule: (delayMs: number, task: () => void) =>
      clock.schedule(clock.monotonicMs() + delayMs, task),
  };
  // Without pings: of those a jump would bring several, and the answers to none.
  const client = open(server.url, { token, environment, keepAliveMs: 1_000_000 });
  const live = client.subscribe(topic);
  const changes: string[] = [];
  const isOpen = new Promise<void>((resolve) => {
    live.onStateChange(({ state }) => {
      changes.push(state);
      if (state === 'open') resolve();
    });
  });
  await isOpen;
  const states: string[] = [];
  const isRenewed = new Promise<void>((resolve) => {
    client.onStateChange(({ state }) => {
      states.push(state);
      if (state === 'open') resolve();
    });
  });
  clock.jump(85_000);
  const id = await client.publish(topic, { data: 'across' });
  await isRenewed;
  for await (const message of live) {
    expect(message.id).toBe(id);
    break;
  }
  expect([tokens, states]).toEqual([2, ['connecting', 'open']]);
  expect(changes).toEqual(['open', 'closed']);
});
