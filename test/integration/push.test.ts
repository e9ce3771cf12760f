import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { base64, liveApi, textOf } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { answer, pushedText, PushEndpoint, wrappedOf } from '../support/push-endpoint.ts';
import { untilUnacked } from '../support/scraped.ts';
import { hasOpenssl, makeTestCertificates } from '../support/test-certificates.ts';
import type { Json } from '../support/wire.ts';

const live = useLiveServer();
const api = liveApi(live, 'gRPC', 'push');
let endpoint: PushEndpoint;

beforeEach(async () => {
  endpoint = new PushEndpoint();
  await endpoint.start();
});
afterEach(async () => {
  for (const name of pushed.splice(0)) await api.call('DeleteSubscription', { subscription: name });
  await endpoint.stop();
});

/** Subscriptions that a test has left pushing. */
const pushed: string[] = [];

async function pushing(topic: string, more: Json = {}, config: Json = {}): Promise<string> {
  const pushConfig = { pushEndpoint: endpoint.url, ...config };
  const name = await api.subscription(topic, { pushConfig, ...more });
  pushed.push(name);
  return name;
}

/** The texts that are left when the subscription is pulled and every lease is over. */
async function leftOf(subscription: string, count: number): Promise<string[]> {
  await api.call('ModifyPushConfig', { subscription, pushConfig: {} });
  live.clock.jump(60_000);
  const left = await api.pull(subscription, count);
  return [...left, ...(await api.pullOnce(subscription))].map(textOf).toSorted();
}

describe('the request', () => {
  test('wrapped: one JSON body, byte for byte', async () => {
    const topic = await api.topic();
    const name = await pushing(topic);
    const pulled = await api.subscription(topic);
    const message = { data: base64('hi'), attributes: { k: 'v"\u2028' }, orderingKey: 'key' };
    const { messageIds } = await api.call<{ messageIds: string[] }>('Publish', {
      topic,
      messages: [message],
    });
    await endpoint.untilCount(1);
    const [request] = endpoint.requests;
    const publishTime = (await api.pull(pulled, 1))[0]!.message.publishTime;
    const id = messageIds[0]!;
    expect(request!.body.toString()).toBe(
      `{"message":{"attributes":{"k":"v\\"\u2028"},"data":"aGk=","messageId":"${id}","message_id":"${id}","orderingKey":"key","publishTime":"${publishTime}","publish_time":"${publishTime}"},"subscription":"${name}"}`,
    );
    expect(request).toMatchObject({ method: 'POST', path: '/push' });
    expect(request!.headers).toMatchObject({
      host: new URL(endpoint.url).host,
      'content-type': 'application/json',
      'content-length': String(request!.body.length),
      'user-agent': 'Sealpost',
    });
    expect(request!.headers).not.toHaveProperty('authorization');
  });

  test('unwrapped: the data alone, whatever bytes it has', async () => {
    const topic = await api.topic();
    await pushing(topic, {}, { noWrapper: {} });
    const data = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const messages = [{ data: data.toString('base64'), attributes: { a: 'b' } }];
    await api.call('Publish', { topic, messages });
    await endpoint.untilCount(1);
    const [request] = endpoint.requests;
    expect(request!.body).toEqual(data);
    expect(request!.headers['content-type']).toBe('application/octet-stream');
    expect(JSON.stringify(request!.rawHeaders)).not.toMatch(/x-goog|"a"/i);
  });

  test('unwrapped with metadata: ids, time, key and attributes as headers', async () => {
    const topic = await api.topic();
    const name = await pushing(topic, {}, { noWrapper: { writeMetadata: true } });
    const pulled = await api.subscription(topic);
    const attributes = { 'Content-Type': 'text/csv', 'X-Order': '17' };
    const messages = [{ data: base64('a,b'), attributes, orderingKey: 'key' }];
    const { messageIds } = await api.call<{ messageIds: string[] }>('Publish', { topic, messages });
    await endpoint.untilCount(1);
    const [request] = endpoint.requests;
    const { publishTime } = (await api.pull(pulled, 1))[0]!.message;
    expect(request!.body.toString()).toBe('a,b');
    expect(request!.headers).toMatchObject({
      'content-type': 'text/csv',
      'x-order': '17',
      'x-goog-pubsub-subscription-name': name,
      'x-goog-pubsub-message-id': messageIds[0],
      'x-goog-pubsub-publish-time': publishTime,
      'x-goog-pubsub-ordering-key': 'key',
    });
  });

  test('what a publisher sets as attributes injects no header and shadows none', async () => {
    const topic = await api.topic();
    await pushing(topic, {}, { noWrapper: { writeMetadata: true } });
    const attributes = {
      fine: 'yes',
      crlf: 'a\r\nx-injected: 1',
      lf: 'a\nx-injected: 1',
      nul: 'a\u0000b',
      'x\r\nx-injected': '1',
      'x-injected: 1\r\ny': '1',
      'two words': '1',
      Host: 'evil.example',
      'Content-Length': '1',
      'Transfer-Encoding': 'chunked',
      Connection: 'close',
      Authorization: 'Bearer stolen',
      Upgrade: 'h2c',
      Expect: '100-continue',
      TE: 'trailers',
      Trailer: 'x',
      Cookie: 'session=1',
      'Proxy-Authorization': 'x',
      'X-Forwarded-For': '1.2.3.4',
      'x-goog-pubsub-message-id': 'forged',
      'User-Agent': 'forged',
      grün: 'x',
      value: 'grün',
    };
    const messages = [{ data: base64('body'), attributes }];
    const { messageIds } = await api.call<{ messageIds: string[] }>('Publish', { topic, messages });
    await endpoint.untilCount(1);
    const { headers, body } = endpoint.requests[0]!;
    expect(body.toString()).toBe('body');
    const { connection: _, ...rest } = headers;
    expect(rest).toEqual({
      fine: 'yes',
      host: new URL(endpoint.url).host,
      'content-length': '4',
      'content-type': 'application/octet-stream',
      'user-agent': 'Sealpost',
      'x-goog-pubsub-subscription-name': pushed[0],
      'x-goog-pubsub-message-id': messageIds[0],
      'x-goog-pubsub-publish-time': expect.any(String) as string,
    });
  });

  test('a token proves the sender: signed by a key that this server publishes', async () => {
    const topic = await api.topic();
    const serviceAccountEmail = 'push@p.iam.gserviceaccount.com';
    await pushing(topic, {}, { oidcToken: { serviceAccountEmail } });
    await api.publish(topic, 'signed');
    await endpoint.untilCount(1);
    const [scheme, token] = endpoint.requests[0]!.headers.authorization!.split(' ');
    expect(scheme).toBe('Bearer');
    const discovery = await fetch(`${live.url}/.well-known/openid-configuration`);
    const { issuer, jwks_uri } = (await discovery.json()) as { issuer: string; jwks_uri: string };
    const keys = createRemoteJWKSet(new URL(jwks_uri));
    const audience = endpoint.url;
    const { payload } = await jwtVerify(token!, keys, { issuer, audience });
    expect(payload).toMatchObject({ email: serviceAccountEmail, email_verified: true });
  });

  test('one connection serves one request after the other', async () => {
    const topic = await api.topic();
    await pushing(topic);
    for (let n = 1; n <= 20; n++) {
      await api.publish(topic, String(n));
      await endpoint.until(
        (requests) => requests.filter(({ response }) => response.writableFinished).length >= n,
      );
    }
    expect(endpoint.socketCount).toBeLessThan(4);
  });
});

describe('the answer', () => {
  test.each([102, 200, 201, 202, 204])('HTTP %i acknowledges', async (status) => {
    endpoint.respond = ({ response, socket }, index) => {
      if (index > 0) return;
      // An interim answer, and no other after it.
      if (status === 102) socket.end('HTTP/1.1 102 Processing\r\n\r\n');
      else answer(response, status);
    };
    const topic = await api.topic();
    const name = await pushing(topic);
    await api.publish(topic, 'first');
    await endpoint.untilCount(1);
    await api.publish(topic, 'second');
    // It comes only when the first answer was taken in.
    await endpoint.untilCount(2);
    expect(pushedText(endpoint.requests[1]!)).toBe('second');
    expect(await leftOf(name, 1)).toEqual(['second']);
  });

  const failures: [string, PushEndpoint['respond']][] = [
    ...[203, 206, 304, 400, 401, 404, 408, 429, 500, 502, 503].map(
      (status): [string, PushEndpoint['respond']] => [
        `HTTP ${status}`,
        ({ response }) => answer(response, status),
      ],
    ),
    [
      'a redirect, which is not followed',
      ({ response }) => response.writeHead(307, { location: `${endpoint.url}/elsewhere` }).end(),
    ],
    ['a connection that is closed without an answer', ({ socket }) => socket.destroy()],
    [
      'an answer that ends in its middle',
      ({ response, socket }) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('so far', () => socket.destroy());
      },
    ],
    ['what is no HTTP', ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ];

  test.each(failures)('%s gives the message back', async (_, respond) => {
    endpoint.respond = (request, index) => {
      if (index === 0) respond(request, index);
      else answer(request.response, 204);
    };
    const topic = await api.topic();
    const name = await pushing(topic);
    await api.publish(topic, 'again');
    await endpoint.untilCount(2);
    const [first, second] = endpoint.requests;
    expect(wrappedOf(second!)).toEqual(wrappedOf(first!));
    expect(second!.path).toBe('/push');
    await untilUnacked(live, name, (count) => count === 0);
  });

  test('no answer within the ack deadline gives the message back, and cuts the request', async () => {
    const topic = await api.topic();
    endpoint.respond = () => undefined;
    await pushing(topic, { ackDeadlineSeconds: 30 });
    await api.publish(topic, 'slow');
    await endpoint.untilCount(1);
    live.clock.jump(29_000);
    endpoint.respond = ({ response }) => answer(response, 200);
    await endpoint.untilCount(2);
    await endpoint.until(([first]) => first!.isLost);
    expect(pushedText(endpoint.requests[1]!)).toBe('slow');
  });

  test('an endpoint that was away gets everything when it is there', async () => {
    const topic = await api.topic();
    await endpoint.stop();
    await pushing(topic);
    await api.publish(topic, 'a', 'b', 'c');
    await endpoint.start();
    await endpoint.until(() => endpoint.texts.size === 3);
  });
});

describe.skipIf(!hasOpenssl)('HTTPS (openssl)', () => {
  const certificates = hasOpenssl ? makeTestCertificates() : null;
  const trusting = useLiveServer(['--outgoing-ca', certificates?.caFile ?? '']);

  test('a certificate that is vouched for is pushed to, another is not', async () => {
    const secure = new PushEndpoint(certificates);
    await secure.start();
    const pushConfig = { pushEndpoint: secure.url };
    const topic = await api.topic();
    const refused = await api.subscription(topic, { pushConfig });
    await api.publish(topic, 'kept');
    const trusted = liveApi(trusting, 'REST', 'push-tls');
    const other = await trusted.topic();
    await trusted.subscription(other, { pushConfig });
    await trusted.publish(other, 'secure');
    await secure.untilCount(1);
    expect(secure.requests.map(pushedText)).toEqual(['secure']);
    expect(await leftOf(refused, 1)).toEqual(['kept']);
    await secure.stop();
  });
});

describe('a server with a public name', () => {
  const named = useLiveServer(['--public-host', 'push.example.com']);

  test('has users from elsewhere, and does not reach loopback for them', async () => {
    const known = liveApi(named, 'REST', 'push-named');
    const topic = await known.topic();
    const name = await known.subscription(topic, { pushConfig: { pushEndpoint: endpoint.url } });
    await known.publish(topic, 'inward');
    const refusals = async (): Promise<boolean> =>
      (await (await fetch(`${named.url}/metrics`)).text()).includes('"address_refused"');
    await expect.poll(refusals, { timeout: 20_000 }).toBe(true);
    expect(endpoint.requests).toEqual([]);
    await known.call('DeleteSubscription', { subscription: name });
  });
});

test('ten thousand messages come through, over few connections', async () => {
  const topic = await api.topic();
  const name = await pushing(topic);
  const expected = new Set<string>();
  for (let n = 0; n < 10; n++) {
    const texts = Array.from({ length: 1_000 }, (_, at) => `${n}-${at}`);
    for (const text of texts) expected.add(text);
    await api.publish(topic, ...texts);
  }
  await endpoint.until(() => endpoint.texts.size === expected.size);
  expect(endpoint.texts).toEqual(expected);
  await untilUnacked(live, name, (count) => count === 0);
  expect(endpoint.socketCount).toBeLessThan(endpoint.requests.length / 2);
  expect(await leftOf(name, 0)).toEqual([]);
}, 240_000);
