import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { makeImage, makeTar } from '../../../test/support/oci-image.ts';
import {
  never,
  openSources,
  refusalOf,
  startRegistry,
} from '../../../test/support/registry-bench.ts';
import type { RegistryServer } from '../../../test/support/registry-server.ts';

const image = makeImage([await makeTar([{ name: 'x', data: 'y' }])]);
const folder = mkdtempSync(join(tmpdir(), 'sealpost-credentials-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const secret = 'a-secret:of no log';
const basic = `Basic ${Buffer.from(`robot:${secret}`).toString('base64')}`;

function credentials(host: string, entry: object = { auth: basic.slice('Basic '.length) }): string {
  const path = join(folder, `${host.replaceAll(/\W/g, '-')}.json`);
  writeFileSync(path, JSON.stringify({ auths: { [host]: entry } }));
  return path;
}

/** Asks for a Bearer token of `realm` and takes only those that it gave out. */
function guard(registry: RegistryServer, realm: string, given: { tokens: string[] }): void {
  registry.intercept = (request, response) => {
    const { authorization = '' } = request.headers;
    if (given.tokens.includes(authorization.replace('Bearer ', ''))) return false;
    const challenge = `Bearer realm="${realm}",service="registry \\"x\\"",scope="repository:other:push"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  };
}

/** Gives tokens: t1, t2, … */
function giveTokens(realm: RegistryServer, given: { tokens: string[] }, more: object = {}): void {
  realm.intercept = (_request, response) => {
    const token = `t${given.tokens.length + 1}`;
    given.tokens.push(token);
    response.end(JSON.stringify({ token, ...more }));
    return true;
  };
}

const redirectTo =
  (location: (request: IncomingMessage) => string, status = 307) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    response.writeHead(status, { location: location(request) }).end();
    return true;
  };

describe('a registry that asks for a token', () => {
  test('gets one for reading that repository, which serves until it expires', async () => {
    const [registry, realm] = [await startRegistry(), await startRegistry()];
    const given = { tokens: [] as string[] };
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, `${realm.url}/token?a=b`, given);
    giveTokens(realm, given, { expires_in: 300 });
    const { sources, clock } = openSources([registry.host, realm.host]);
    const source = sources.open(reference);
    await source.resolve(never);
    expect(realm.seen).toEqual([
      {
        url: '/token?a=b&service=registry+%22x%22&scope=repository%3Ademo%2Fhello%3Apull',
        authorization: null,
        range: null,
      },
    ]);
    await sources.open(reference).resolve(never);
    expect(realm.seen).toHaveLength(1);
    clock.pass(299_000);
    await source.resolve(never);
    expect(given.tokens).toEqual(['t1', 't2']);
  });

  test('gets another when it no longer takes the one it had', async () => {
    const registry = await startRegistry();
    const realm = await startRegistry();
    const given = { tokens: [] as string[] };
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, `${realm.url}/token`, given);
    giveTokens(realm, given);
    const { sources } = openSources([registry.host, realm.host]);
    await sources.open(reference).resolve(never);
    given.tokens[0] = 'withdrawn';
    await sources.open(reference).resolve(never);
    expect(given.tokens).toEqual(['withdrawn', 't2']);
  });

  test('sends its credentials along, in no line of the log', async () => {
    const [registry, realm] = [await startRegistry(), await startRegistry()];
    const given = { tokens: [] as string[] };
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, `${realm.url}/token`, given);
    let failures = 2;
    realm.intercept = (_request, response) => {
      if (failures-- > 0) response.writeHead(503).end();
      else response.end(JSON.stringify({ access_token: given.tokens[given.tokens.push('t') - 1] }));
      return true;
    };
    const credentialsFile = credentials(registry.host);
    const { sources, lines } = openSources([registry.host, realm.host], { credentialsFile });
    await sources.open(reference).resolve(never);
    expect(realm.seen.map(({ authorization }) => authorization)).toEqual([basic, basic, basic]);
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.join('\n')).not.toMatch(/of no log|YS1zZWNyZXQ|Basic|Bearer/);
  });

  test.each([
    ['at a host that is not named', (): string => 'http://127.0.0.1:9/token', '--registry-host'],
    ['by plain HTTP off this machine', (): string => 'http://gcr.io/token', 'plain HTTP'],
    ['with a user in it', (host: string): string => `http://u:p@${host}/token`, 'no URL'],
    ['in a file', (): string => 'file:///etc/passwd', 'no URL'],
    ['nowhere', (): string => '', 'no URL'],
  ])('%s is not followed there', async (_, realmOf, words) => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, realmOf(registry.host), { tokens: [] });
    const credentialsFile = credentials(registry.host);
    const { sources } = openSources([registry.host, 'gcr.io'], { credentialsFile });
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused[1]).toBe('REGISTRY_HOST_NOT_ALLOWED');
    expect(refused[2]).toContain(words);
    expect(registry.seen).toHaveLength(1);
  });

  test.each([
    ['refuses', 403, '{}', 'IMAGE_ACCESS_DENIED'],
    ['gives nothing', 200, '{}', 'REGISTRY_ANSWER_INVALID'],
    ['gives a line of its own', 200, '{"token":"a\\r\\nb"}', 'REGISTRY_ANSWER_INVALID'],
    ['redirects', 302, '{}', 'IMAGE_ACCESS_DENIED'],
  ])('whose realm %s does not give the image', async (_, status, body, reason) => {
    const [registry, realm] = [await startRegistry(), await startRegistry()];
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, `${realm.url}/token`, { tokens: [] });
    realm.intercept = (_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(body);
      return true;
    };
    const { sources } = openSources([registry.host, realm.host]);
    expect((await refusalOf(sources.open(reference).resolve(never)))[1]).toBe(reason);
  });

  test('and takes none is asked twice, and no more', async () => {
    const [registry, realm] = [await startRegistry(), await startRegistry()];
    const reference = registry.add('demo/hello', 'v1', image);
    guard(registry, `${realm.url}/token`, { tokens: [] });
    giveTokens(realm, { tokens: [] });
    const { sources } = openSources([registry.host, realm.host]);
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused.slice(0, 2)).toEqual(['PERMISSION_DENIED', 'IMAGE_ACCESS_DENIED']);
    expect(refused[2]).toContain('--registry-auth-file');
    expect(registry.seen).toHaveLength(2);
  });
});

describe('a registry that asks for a password', () => {
  const asking =
    (wanted: string) =>
    (request: IncomingMessage, response: ServerResponse): boolean => {
      if (request.headers.authorization === wanted) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };

  test.each([
    ['auth', { auth: basic.slice('Basic '.length) }],
    ['username and password', { username: 'robot', password: secret }],
  ])('gets it from %s', async (_, entry) => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = asking(basic);
    const credentialsFile = credentials(registry.host, entry);
    const { sources } = openSources([registry.host], { credentialsFile });
    await sources.open(reference).resolve(never);
    expect(registry.seen.map(({ authorization }) => authorization)).toEqual([null, basic, basic]);
  });

  test('gets the new one once the file has changed', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    const other = `Basic ${Buffer.from('robot:changed').toString('base64')}`;
    registry.intercept = asking(other);
    const credentialsFile = credentials(registry.host);
    const { sources } = openSources([registry.host], { credentialsFile });
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused[1]).toBe('IMAGE_ACCESS_DENIED');
    credentials(registry.host, { username: 'robot', password: 'changed' });
    await sources.open(reference).resolve(never);
  });

  test('of which there is none, or only for another host, gives no image', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = asking(basic);
    for (const credentialsFile of [null, credentials('other.example')]) {
      const { sources } = openSources([registry.host], { credentialsFile });
      const refused = await refusalOf(sources.open(reference).resolve(never));
      expect(refused[1]).toBe('IMAGE_ACCESS_DENIED');
    }
    expect(registry.seen.every(({ authorization }) => authorization === null)).toBe(true);
  });

  test.each([
    ['is gone', null],
    ['is no JSON', `{"auths":{"x":{"auth":"${secret}`],
    ['holds something else', '[]'],
  ])('whose file %s says so, and nothing of what is in it', async (_, text) => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = asking(basic);
    const credentialsFile = join(folder, 'broken.json');
    rmSync(credentialsFile, { force: true });
    if (text !== null) writeFileSync(credentialsFile, text);
    if (text !== null) chmodSync(credentialsFile, 0o600);
    const { sources } = openSources([registry.host], { credentialsFile });
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused[1]).toBe('REGISTRY_CREDENTIALS_UNREADABLE');
    expect(refused[2]).not.toContain('a-secret');
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    '(%i) to a named host is followed, without what was granted for the registry',
    async (status) => {
      const [registry, store] = [await startRegistry(), await startRegistry()];
      const reference = registry.add('demo/hello', 'v1', image);
      store.add('demo/hello', 'v1', image);
      const given = { tokens: ['t0'] };
      const guarded = { tokens: given.tokens };
      guard(registry, `${store.url}/token`, guarded);
      const asksFirst = registry.intercept;
      registry.intercept = (request, response) =>
        asksFirst(request, response) ||
        redirectTo(({ url }) => `${store.url}${url}?signed=1`, status)(request, response);
      store.intercept = (request, response) => {
        const { url = '' } = request;
        if (url.startsWith('/token')) response.end('{"token":"t0"}');
        else request.url = url.replace('?signed=1', '');
        return url.startsWith('/token');
      };
      const { sources } = openSources([registry.host, store.host]);
      await refusalOf(sources.open(reference).resolve(never));
      const led = store.seen.filter(({ url }) => url.endsWith('?signed=1'));
      expect(led.length).toBeGreaterThan(0);
      expect(led.every(({ authorization }) => authorization === null)).toBe(true);
      expect(registry.seen.at(-1)?.authorization).toBe('Bearer t0');
    },
  );

  test('to a host that nobody named is refused by name', async () => {
    const [registry, foreign] = [await startRegistry(), await startRegistry()];
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = redirectTo(({ url }) => `${foreign.url}${url}`);
    const { sources } = openSources([registry.host]);
    expect(await refusalOf(sources.open(reference).resolve(never))).toEqual([
      'FAILED_PRECONDITION',
      'REGISTRY_HOST_NOT_ALLOWED',
      `The registry ${foreign.host} may not be called: the redirect of ${registry.host} leads ` +
        'there, and no --registry-host names it.',
    ]);
    expect(foreign.connections).toBe(0);
  });

  test.each(['http://169.254.169.254/latest', 'gopher://x/', 'http://[::', '//evil.example/x'])(
    'to %s is refused',
    async (location) => {
      const registry = await startRegistry();
      const reference = registry.add('demo/hello', 'v1', image);
      registry.intercept = redirectTo(() => location);
      const { sources } = openSources([registry.host]);
      const refused = await refusalOf(sources.open(reference).resolve(never));
      expect(refused[1]).toBe('REGISTRY_HOST_NOT_ALLOWED');
    },
  );

  test('is followed five times, and no more', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = redirectTo(({ url }) => `${url}x`);
    const { sources } = openSources([registry.host]);
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused[1]).toBe('REGISTRY_ANSWER_INVALID');
    expect(registry.seen).toHaveLength(6);
  });

  test('to nowhere is no answer', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = (_request, response) => {
      response.writeHead(302).end();
      return true;
    };
    const { sources } = openSources([registry.host]);
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused[1]).toBe('REGISTRY_ANSWER_INVALID');
  });
});

describe('a registry in trouble', () => {
  test.each([500, 503, 429, 408])('(%i) is asked again, ever later', async (status) => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    let failures = 4;
    registry.intercept = (_request, response) => {
      if (failures-- <= 0) return false;
      response.writeHead(status).end();
      return true;
    };
    const { sources, clock } = openSources([registry.host]);
    await sources.open(reference).resolve(never);
    expect(clock.waitsMs).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test('is given up after five tries', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    registry.intercept = (request) => {
      request.socket.destroy();
      return true;
    };
    const { sources } = openSources([registry.host]);
    const refused = await refusalOf(sources.open(reference).resolve(never));
    expect(refused.slice(0, 2)).toEqual(['UNAVAILABLE', 'REGISTRY_UNAVAILABLE']);
    expect(registry.seen.length).toBeGreaterThanOrEqual(5);
  });

  test('may be left while it is waited for', async () => {
    const registry = await startRegistry();
    const reference = registry.add('demo/hello', 'v1', image);
    const life = new AbortController();
    registry.intercept = (_request, response) => {
      response.writeHead(503).end(() => life.abort(new Error('enough')));
      return true;
    };
    const { sources } = openSources([registry.host]);
    await expect(sources.open(reference).resolve(life.signal)).rejects.toThrow('enough');
  });
});
