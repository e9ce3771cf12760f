import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture } from '../support/api-fixture.ts';
import { SocketClient, type SocketOptions } from '../support/socket-client.ts';
import { TableAccess } from '../support/table-access.ts';

const topic = 'projects/p-one/topics/orders';
const subscription = 'projects/p-one/subscriptions/orders';
const page = 'https://pages.example.com';
const alice = 'user:alice@example.com';

let access: TableAccess;
let fixture: ApiFixture;

beforeEach(async () => {
  access = new TableAccess();
  access.members.set('alice', alice).set('spk_alice', alice).set('bob', 'user:bob@example.com');
  access.grant(alice, 'pubsub.topics.publish', topic);
  access.grant(alice, 'pubsub.subscriptions.consume', subscription);
  fixture = await startFixture({ access, browserOrigins: [page] });
  const { broker } = fixture;
  await broker.createTopic({ name: topic } as never);
  await broker.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 10 } as never);
  broker.calls.length = 0;
});

afterEach(async () => {
  await fixture.api.drain(0);
});

const withToken = (token: string, more: SocketOptions = {}): SocketOptions => ({
  protocols: ['sealpost.v1.json', `sealpost.token.${token}`],
  ...more,
});
const withHeader = (name: string, value: string): SocketOptions => ({ headers: { [name]: value } });
const publish = { publish: { topic, messages: [{ data: 'eA==' }] } };
const subscribe = { subscribe: { subscription } };

const begin = (options: SocketOptions): Promise<SocketClient> =>
  SocketClient.begin(fixture.api.url, options);

/** A token for a page, whose backend is `issuer`. */
async function pageToken(issuer: string, resources = [topic]): Promise<string> {
  return await fixture.tokens.issue({
    subject: 'page-1',
    grants: [
      { verb: 'publish', resources },
      { verb: 'subscribe', resources: [subscription] },
    ],
    expiresAtMs: Date.now() + 600_000,
    issuer: { member: issuer, email: 'backend@example.com', groups: [] },
  });
}

describe('a session begins', () => {
  test.each([
    ['by the header of its upgrade', () => withHeader('authorization', 'Bearer alice')],
    ['by an API key in the header', () => withHeader('x-goog-api-key', 'spk_alice')],
    ['by an API key in the query', () => ({ path: '/v1/websocket?key=spk_alice' })],
    ['by a token among the subprotocols', () => withToken('alice')],
    ['by an API key among the subprotocols', () => withToken('spk_alice')],
    [
      'by a token, which wins over the header',
      () => withToken('alice', withHeader('authorization', 'Bearer bob')),
    ],
  ])('%s', async (_what, options) => {
    const client = await begin(options());
    expect(await client.call(publish)).toHaveProperty('published');
    await client.close();
  });

  test('by a token in the first frame', async () => {
    const client = await SocketClient.open(fixture.api.url);
    await client.hello({ token: 'alice' });
    expect(await client.call(publish)).toHaveProperty('published');
    await client.close();
  });

  test("by a page's token, from a page that needs one", async () => {
    const client = await begin(withToken(await pageToken(alice), { origin: page }));
    expect(await client.call(publish)).toHaveProperty('published');
    await client.close();
  });
});

describe('a session is refused', () => {
  test.each([
    ['a bad token in the header', withHeader('authorization', 'Bearer x')],
    ['the header of the emulator', withHeader('authorization', 'Bearer owner')],
    ['an empty Bearer', withHeader('authorization', 'Bearer ')],
    ['two keys', { path: '/v1/websocket?key=spk_alice&key=spk_alice' }],
  ])('with %s, at the upgrade', async (_what, options) => {
    const refusal = await SocketClient.refusal(fixture.api.url, options);
    expect(refusal.status).toBe(401);
    expect(refusal.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  test.each([
    ['nothing', {}],
    ['a bad token', withToken('x')],
  ])('with %s, after its first frame', async (_what, options) => {
    const client = await SocketClient.open(fixture.api.url, options);
    client.send({ hello: {} });
    expect((await client.closed).code).toBe(4016);
  });

  test("with a page's token that nobody issued", async () => {
    const token = await fixture.tokens.issue({
      subject: 'page-1',
      grants: [{ verb: 'publish', resources: [topic] }],
      expiresAtMs: Date.now() + 600_000,
    });
    const client = await SocketClient.open(fixture.api.url, withToken(token));
    client.send({ hello: {} });
    expect((await client.closed).code).toBe(4016);
  });

  test("with a page's token of an issuer who is good no more", async () => {
    const token = await pageToken(alice);
    access.revoke(alice);
    const client = await SocketClient.open(fixture.api.url, withToken(token));
    client.send({ hello: {} });
    expect((await client.closed).code).toBe(4016);
  });
});

describe('what a session may', () => {
  const denied = { error: { code: 7 } };

  test('is what its caller may, and its page no more than that', async () => {
    const stranger = await begin(withToken('bob'));
    expect(await stranger.call(publish)).toMatchObject(denied);
    expect(await stranger.call(subscribe)).toMatchObject(denied);
    const other = 'projects/p-one/topics/other';
    const ofPage = await begin(withToken(await pageToken(alice, [other])));
    expect(await ofPage.call(publish)).toMatchObject(denied);
    const toOther = { publish: { topic: other, messages: [{ data: 'eA==' }] } };
    expect(await ofPage.call(toOther)).toMatchObject(denied);
    expect(fixture.broker.published).toEqual([]);
    await Promise.all([stranger.close(), ofPage.close()]);
  });

  test('a subscription of a stream needs the topic and the project', async () => {
    const client = await begin(withToken('alice'));
    expect(await client.call({ subscribe: { topic } })).toMatchObject(denied);
    access.grant(alice, 'pubsub.topics.attachSubscription', topic);
    expect(await client.call({ subscribe: { topic } })).toMatchObject(denied);
    access.grant(alice, 'pubsub.subscriptions.create', 'projects/p-one');
    expect(await client.call({ subscribe: { topic } })).toHaveProperty('subscribed');
    await client.close();
  });

  test('cannot be resumed by somebody else', async () => {
    const client = await SocketClient.open(fixture.api.url, withToken('alice'));
    const { sessionId } = await client.hello();
    client.ws.terminate();
    const thief = await SocketClient.open(fixture.api.url, withToken('bob'));
    thief.send({ hello: { sessionId } });
    expect((await thief.closed).reason).toMatch(/^SESSION_OF_ANOTHER/);
  });
});

describe('what is taken away from an open session', () => {
  test('a permission: its stream ends, and settles nothing more', async () => {
    const client = await begin(withToken('alice'));
    const opened = await client.call(subscribe);
    expect(opened).toHaveProperty('subscribed');
    access.revokeGrant(alice, 'pubsub.subscriptions.consume', subscription);
    const isEnd = ({ id, error }: { id: number; error?: unknown }): boolean =>
      id === opened.id && error !== undefined;
    expect(await client.until(isEnd)).toMatchObject({ error: { code: 7 } });
    const settled = await client.call({ ack: { stream: opened.id, ackIds: ['a'] } });
    expect(settled).toHaveProperty('error');
    expect(await client.call(publish)).toHaveProperty('published');
    await client.close();
  });

  test('its credentials: it ends', async () => {
    const clients = await Promise.all([
      begin(withToken('alice')),
      begin(withToken(await pageToken(alice))),
    ]);
    access.revoke(alice);
    for (const client of clients) expect((await client.closed).code).toBe(4016);
  });

  test('something of others: it goes on', async () => {
    const client = await begin(withToken('alice'));
    access.revoke('user:bob@example.com');
    expect(await client.call(publish)).toHaveProperty('published');
    await client.close();
  });
});

test('a thousand sessions are asked again without a pause for others', async () => {
  const clients: SocketClient[] = [];
  for (let count = 0; count < 1_000; count += 100) {
    const some = Array.from({ length: 100 }, () => begin(withToken('alice')));
    clients.push(...(await Promise.all(some)));
  }
  access.revoke(alice);
  const codes = new Set(
    (await Promise.all(clients.map(({ closed }) => closed))).map(({ code }) => code),
  );
  expect([...codes]).toEqual([4016]);
});
