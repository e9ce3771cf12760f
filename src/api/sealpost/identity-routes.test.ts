import { operator } from '../../iam/index.ts';
import { describe, expect, test } from 'vitest';

import { openIdentityBench } from '../../../test/support/identity-bench.ts';
import { RpcError } from '../../rpc/index.ts';
import { parseJsonObject } from '../json/json-body.ts';
import type { JsonValue } from '../json.ts';
import { RouteTable } from '../http/route-table.ts';
import type { HttpMethod } from '../route.ts';
import { identityRoutes } from './identity-routes.ts';

type Bench = Awaited<ReturnType<typeof openIdentityBench>> & {
  readonly ask: (
    method: HttpMethod,
    path: string,
    body?: unknown,
    isCrossOrigin?: boolean,
  ) => Promise<Record<string, JsonValue>>;
};

async function open(issuer?: string): Promise<Bench> {
  const bench = await openIdentityBench(issuer);
  const table = new RouteTable(identityRoutes({ ...bench.identity, clock: bench.clock }));
  return {
    ...bench,
    async ask(method, path, json, isCrossOrigin = false) {
      const match = table.match(method, path)!;
      const body = new TextEncoder().encode(json === undefined ? '' : JSON.stringify(json));
      const call = {
        params: match.params,
        query: new URLSearchParams(),
        body,
        json: () => parseJsonObject(body),
        host: undefined,
        isCrossOrigin,
        principal: operator,
        forceDestroy: false,
        signal: new AbortController().signal,
      };
      return (await match.route.handle(call)) as Record<string, JsonValue>;
    },
  };
}

const path = '/sealpost/v1/browserTokens';
const topic = 'projects/p/topics/orders';
const good = { subject: 'ann', grants: [{ verb: 'publish', resources: [topic] }] };

async function refusal(body: unknown): Promise<string> {
  const { ask } = await open();
  const error: unknown = await ask('POST', path, body).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RpcError)) throw new Error(`not refused: ${JSON.stringify(body)}`);
  expect(error.code).toBe('INVALID_ARGUMENT');
  return error.message;
}

describe('a browser token', () => {
  test('is issued for ten minutes unless asked otherwise, and holds what was asked', async () => {
    const { ask, clock, identity } = await open();
    const { token, expireTime } = await ask('POST', path, good);
    expect(expireTime).toBe(new Date(clock.wallMs() + 600_000).toISOString());
    expect(await identity.browserTokens.verify(token as string)).toEqual({
      ...good,
      expiresAtMs: clock.wallMs() + 600_000,
    });
  });

  test.each([10, 3_600, '60'])('is issued for %j seconds', async (ttlSeconds) => {
    const { ask, clock } = await open();
    const { expireTime } = await ask('POST', path, { ...good, ttlSeconds });
    expect(expireTime).toBe(new Date(clock.wallMs() + Number(ttlSeconds) * 1_000).toISOString());
  });

  test.each([
    ['publish', 'projects/p/topics/abc'],
    ['publish', 'projects/p/topics/*'],
    ['publish', 'projects/p/topics/a*'],
    ['publish', 'projects/example.com:p/topics/orders-*'],
    ['publish', `projects/p/topics/a${'b'.repeat(254)}*`],
    ['subscribe', 'projects/p/topics/abc'],
    ['subscribe', 'projects/p/subscriptions/abc'],
    ['subscribe', 'projects/p/subscriptions/*'],
  ])('may grant to %s %s', async (verb, name) => {
    const { ask } = await open();
    const body = { subject: 'ann', grants: [{ verb, resources: [name] }] };
    expect(await ask('POST', path, body)).toHaveProperty('token');
  });

  test.each([
    '',
    '*',
    'abc',
    'projects/*',
    'projects/p/*',
    'projects/p/topics',
    'projects/p/topics/',
    'projects/p/topics/ab',
    'projects/p/topics/1*',
    'projects/p/topics/goog*',
    'projects/p/topics/a*b',
    'projects/p/topics/a**',
    'projects/*/topics/abc',
    'projects/p/topics/a/b*',
    'projects/p/snapshots/abc',
    'projects/p/subscriptions/abc',
    `projects/p/topics/a${'b'.repeat(255)}*`,
    'projects/p/topics/abc\n',
  ])('does not grant to publish to %j', async (name) => {
    expect(await refusal({ ...good, grants: [{ verb: 'publish', resources: [name] }] })).toBe(
      "Invalid value at 'grants[0].resources[0]': must be the full name of a topic, or the beginning of one and *.",
    );
  });

  const subjectRule =
    "Invalid value at 'subject': must have 1 to 128 characters, none of them a control character.";
  const ttlRule = "Invalid value at 'ttl_seconds': must be from 10 to 3600.";
  test.each([
    [{}, subjectRule],
    [{ ...good, subject: '' }, subjectRule],
    [{ ...good, subject: 'a\nb' }, subjectRule],
    [{ ...good, subject: '\ud800' }, subjectRule],
    [{ ...good, subject: 'x'.repeat(129) }, subjectRule],
    [{ ...good, subject: 7 }, "Invalid value at 'subject' (TYPE_STRING), 7"],
    [{ ...good, ttlSeconds: 9 }, ttlRule],
    [{ ...good, ttlSeconds: 3_601 }, ttlRule],
    [{ ...good, ttlSeconds: -1 }, ttlRule],
    [{ ...good, ttlSeconds: 0 }, ttlRule],
    [{ ...good, ttlSeconds: 60.5 }, "Invalid value at 'ttl_seconds' (TYPE_INT32), 60.5"],
    [{ ...good, ttl: 60 }, 'Invalid JSON payload received. Unknown name "ttl": Cannot find field.'],
    [{ subject: 'ann' }, "Invalid value at 'grants': must not be empty."],
    [{ ...good, grants: [] }, "Invalid value at 'grants': must not be empty."],
    [
      { ...good, grants: {} },
      "Invalid value at 'grants' (List), Starting an object on a scalar field",
    ],
    [
      { ...good, grants: [{ resources: [topic] }] },
      "Invalid value at 'grants[0].verb': must be publish or subscribe.",
    ],
    [
      { ...good, grants: [{ verb: 'admin', resources: [topic] }] },
      'Invalid value at \'grants[0].verb\' (type.googleapis.com/sealpost.v1.BrowserGrant.Verb), "admin"',
    ],
    [
      { ...good, grants: [{ verb: 'publish' }] },
      "Invalid value at 'grants[0].resources': must not be empty.",
    ],
    [
      { ...good, grants: [{ verb: 'subscribe', resources: [topic, 'x'] }] },
      "Invalid value at 'grants[0].resources[1]': must be the full name of a topic or subscription, or the beginning of one and *.",
    ],
    [
      { ...good, grants: [{ verb: 'publish', resources: [topic], extra: 1 }] },
      'Invalid JSON payload received. Unknown name "extra" at \'grants[0]\': Cannot find field.',
    ],
    [
      { ...good, grants: Array.from({ length: 101 }, () => good.grants[0]) },
      "Invalid value at 'grants': must name at most 100 resources, not 101.",
    ],
  ])('is not issued to %j', async (body, message) => {
    expect(await refusal(body)).toBe(message);
  });

  test('is not issued to a page of another origin, whatever it asks', async () => {
    const { ask } = await open();
    for (const body of [good, {}]) {
      await expect(ask('POST', path, body, true)).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
        reason: 'TOKEN_FOR_PAGE',
      });
    }
  });
});

describe('discovery', () => {
  test.each([
    ['https://id.example', 'https://id.example/sealpost/v1/jwks'],
    ['https://id.example/', 'https://id.example/sealpost/v1/jwks'],
    ['https://id.example/pubsub', 'https://id.example/pubsub/sealpost/v1/jwks'],
  ])('of the issuer %s leads to its keys', async (issuer, jwksUri) => {
    const { ask, identity } = await open(issuer);
    const document = await ask('GET', '/.well-known/openid-configuration');
    expect(document).toMatchObject({
      issuer,
      jwks_uri: jwksUri,
      id_token_signing_alg_values_supported: ['RS256'],
    });
    expect(await ask('GET', '/sealpost/v1/jwks')).toEqual(await identity.idTokens.jwks());
  });

  test('shows public keys, and nothing of the private ones', async () => {
    const { ask } = await open();
    const { keys } = await ask('GET', '/sealpost/v1/jwks');
    expect(Object.keys((keys as Record<string, JsonValue>[])[0]!).toSorted()).toEqual([
      'alg',
      'e',
      'kid',
      'kty',
      'n',
      'use',
    ]);
  });
});
