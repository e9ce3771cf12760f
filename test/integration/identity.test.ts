import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';

import { type Endpoint, openEndpoint } from '../support/endpoint.ts';
import { useLiveServer } from '../support/live-server.ts';

const trusted = 'https://trusted.example';
const server = useLiveServer(['--allow-origin', trusted]);
const endpoints: Endpoint[] = [];
const processes: ChildProcess[] = [];
afterAll(() => {
  for (const child of processes) child.kill();
  for (const endpoint of endpoints) endpoint.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

async function ask(method: string, path: string, body?: unknown, origin?: string): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(origin !== undefined && { headers: { origin } }),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, json };
}

const reasonOf = ({ json }: Answer): unknown =>
  (json as { error: { details: { reason: string }[] } }).error.details[0]?.reason;

describe('a browser token over HTTP', () => {
  const path = '/sealpost/v1/browserTokens';
  const body = {
    subject: 'ann',
    grants: [{ verb: 'publish', resources: ['projects/p/topics/orders'] }],
  };

  test('is issued to a backend, and kept by no cache', async () => {
    const { status, headers, json } = await ask('POST', path, body);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(json).toEqual({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) as string,
      expireTime: expect.stringMatching(/Z$/) as string,
    });
  });

  test('is not issued to a page, though its origin may call all else', async () => {
    expect((await ask('GET', '/v1/projects/p/topics', undefined, trusted)).status).toBe(200);
    const refused = await ask('POST', path, body, trusted);
    expect([refused.status, reasonOf(refused)]).toEqual([403, 'TOKEN_FOR_PAGE']);
    const stranger = await ask('POST', path, body, 'https://evil.example');
    expect([stranger.status, reasonOf(stranger)]).toEqual([403, 'ORIGIN_NOT_ALLOWED']);
  });

  test('is issued to our own page, such as the console', async () => {
    expect((await ask('POST', path, body, server.url)).status).toBe(200);
  });
});

describe('push', () => {
  test("shows an endpoint who it is, and the endpoint checks it with nothing but the issuer's URL", async () => {
    const topic = 'projects/p/topics/proved';
    const seen: { authorization: string; url: string }[] = [];
    const endpoint = await openEndpoint((request, response) => {
      const { authorization = '' } = request.headers;
      seen.push({ authorization, url: request.url ?? '' });
      request.resume().on('end', () => response.writeHead(204).end());
    });
    endpoints.push(endpoint);
    const pushEndpoint = `http://127.0.0.1:${endpoint.port}/push`;
    const serviceAccountEmail = 'push@p.iam.gserviceaccount.com';
    await ask('PUT', `/v1/${topic}`, {});
    const created = await ask('PUT', '/v1/projects/p/subscriptions/proved', {
      topic,
      pushConfig: { pushEndpoint, oidcToken: { serviceAccountEmail } },
    });
    expect(created.status).toBe(200);
    await ask('POST', `/v1/${topic}:publish`, { messages: [{ data: 'QQ==' }] });
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const payload = await checked(seen[0]!.authorization, pushEndpoint);
    expect(payload).toMatchObject({ email: serviceAccountEmail, email_verified: true });
    await expect(checked(seen[0]!.authorization, 'https://other')).rejects.toThrow('aud');
  });

  test('reaches the endpoint that docs/tokens.md shows, which lets nobody else in', async () => {
    const port = await freePort();
    const audience = `http://127.0.0.1:${port}/push`;
    const source = exampleWith('jwtVerify')
      .replaceAll('http://127.0.0.1:8085', server.url)
      .replaceAll('9000', String(port));
    const example = spawn(process.execPath, ['--input-type=module', '--eval', source]);
    processes.push(example);
    const stranger = async (): Promise<number> =>
      await fetch(audience, { method: 'POST' }).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(stranger, { timeout: 20_000 }).toBe(401);
    const topic = 'projects/p/topics/shown';
    await ask('PUT', `/v1/${topic}`, {});
    const serviceAccountEmail = 'push@p.iam.gserviceaccount.com';
    const pushConfig = { pushEndpoint: audience, oidcToken: { serviceAccountEmail } };
    await ask('PUT', '/v1/projects/p/subscriptions/shown', { topic, pushConfig });
    await ask('POST', `/v1/${topic}:publish`, { messages: [{ data: 'QQ==' }] });
    await expect.poll(() => pushCount('204'), { timeout: 20_000 }).toBeDefined();
  });

  test('at ourselves is refused, and the metric says why', async () => {
    const topic = 'projects/p/topics/mirror';
    await ask('PUT', `/v1/${topic}`, {});
    const pushEndpoint = `http://localhost:${new URL(server.url).port}/v1/${topic}:publish`;
    const name = 'projects/p/subscriptions/mirror';
    await ask('PUT', `/v1/${name}`, { topic, pushConfig: { pushEndpoint } });
    await ask('POST', `/v1/${topic}:publish`, { messages: [{ data: 'QQ==' }] });
    await expect.poll(() => pushCount('address_refused'), { timeout: 20_000 }).toBeDefined();
  });
});

/** The line of /metrics that counts pushes with that answer. */
async function pushCount(code: string): Promise<string | undefined> {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  return page
    .split('\n')
    .find((line) => line.includes('push_request_count') && line.includes(`"${code}"`));
}

/** The JavaScript of docs/tokens.md that speaks of `word`. */
function exampleWith(word: string): string {
  const page = readFileSync('docs/tokens.md', 'utf8');
  const blocks = [...page.matchAll(/```js\n([^]*?)```/g)].map(([, block = '']) => block);
  return blocks.find((block) => block.includes(word)) ?? '';
}

async function freePort(): Promise<number> {
  const endpoint = await openEndpoint(() => undefined);
  endpoint.close();
  return endpoint.port;
}

/** What docs/tokens.md shows to the owners of endpoints. */
async function checked(authorization: string, audience: string): Promise<JWTPayload> {
  const discovery = await ask('GET', '/.well-known/openid-configuration');
  expect(discovery.headers.get('cache-control')).toBe('public, max-age=3600');
  const keys = createRemoteJWKSet(new URL(String(discovery.json['jwks_uri'])));
  const token = authorization.replace(/^Bearer /, '');
  const { payload } = await jwtVerify(token, keys, {
    issuer: server.url,
    audience,
    algorithms: ['RS256'],
  });
  return payload;
}
