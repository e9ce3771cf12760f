import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type AccessBench, encoded, openAccessBench } from '../../../test/support/access-bench.ts';
import {
  issuedToken,
  type IssuerAlgorithm,
  type IssuerKey,
  issuerKey,
  TokenIssuer,
} from '../../../test/support/token-issuer.ts';
import type { Principal } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';

const audience = 'https://sealpost.example';
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const refused = 'ACCESS_TOKEN_TYPE_UNSUPPORTED';

let issuer: TokenIssuer;
let bench: AccessBench;
let key: IssuerKey;

beforeEach(async () => {
  issuer = new TokenIssuer();
  await issuer.start();
  key = issuerKey('key-1');
  issuer.keys = [key.jwk];
  bench = await openAccessBench({
    issuers: [{ issuer: issuer.url, jwksUri: null }],
    audiences: ['other', audience],
  });
});

afterEach(() => issuer.stop());

const now = (): number => Math.floor(bench.clock.wallMs() / 1_000);

const claims = (changed: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  iss: issuer.url,
  sub: 'subject-1',
  aud: audience,
  iat: now(),
  exp: now() + 3_600,
  ...changed,
});

/** By the bench's authenticator, which keeps an issuer's keys. */
async function shown(token: string, at = bench.authenticator): Promise<Principal | string> {
  try {
    return await at.authenticate({ authorization: `Bearer ${token}` });
  } catch (error) {
    return error instanceof RpcError ? error.reason : String(error);
  }
}

let serial = 0;
/** A token that was not shown before. */
const fresh = (by = key, changed: Readonly<Record<string, unknown>> = {}): string =>
  issuedToken(by, claims({ jti: String(serial++), ...changed }));

const good = { expiresAtMs: expect.any(Number) as number };
const place = (): string => issuer.url.replace('http://', '');

describe('whose a token of an issuer is', () => {
  test('its subject, as a principal of the issuer', async () => {
    const member = `principal://${place()}/subject/subject-1`;
    expect(await shown(fresh())).toMatchObject({ member, email: member, groups: [] });
  });

  test('a user, where the issuer has verified the email; in a domain and in groups', async () => {
    const token = fresh(key, {
      email: 'Ann@Example.com',
      email_verified: true,
      groups: ['ops', 'a/b', 7, ''],
    });
    expect(await shown(token)).toMatchObject({
      member: 'user:ann@example.com',
      email: 'ann@example.com',
      groups: [
        `principal://${place()}/subject/subject-1`,
        'domain:example.com',
        `principalSet://${place()}/group/ops`,
        `principalSet://${place()}/group/a%2Fb`,
      ],
    });
  });

  test.each<[unknown, unknown]>([
    ['ann@example.com', false],
    ['ann@example.com', undefined],
    ['ann@example.com', 1],
    ['ann', true],
    ['a b@example.com', true],
    ['serviceAccount:x@example.com', true],
    [['ann@example.com'], true],
  ])('no user of the email %j, verified %j', async (email, isVerified) => {
    const token = fresh(key, { email, email_verified: isVerified });
    const { member } = (await shown(token)) as Principal;
    expect(member).toBe(`principal://${place()}/subject/subject-1`);
  });

  test('a subject cannot spell a member of another issuer or kind', async () => {
    const token = fresh(key, { sub: 'x/subject/y z|@ä' });
    const { member } = (await shown(token)) as Principal;
    expect(member).toBe(`principal://${place()}/subject/x%2Fsubject%2Fy%20z|@%C3%A4`);
  });
});

describe('a token of an issuer', () => {
  test.each<IssuerAlgorithm>(['RS256', 'PS256', 'ES256', 'EdDSA'])('may be by %s', async (alg) => {
    const own = issuerKey('key-2', alg);
    issuer.keys = [own.jwk];
    expect(await shown(fresh(own))).toMatchObject(good);
  });

  test.each<[string, () => Record<string, unknown>]>([
    ['for another audience', () => ({ aud: 'https://elsewhere.example' })],
    ['for an audience that ours begins with', () => ({ aud: 'https://sealpost' })],
    ['for no audience', () => ({ aud: undefined })],
    ['for an object', () => ({ aud: { 0: audience } })],
    ['of another issuer', () => ({ iss: `${issuer.url}/` })],
    ['of no subject', () => ({ sub: undefined })],
    ['of an empty subject', () => ({ sub: '' })],
    ['of a subject without an end', () => ({ sub: 's'.repeat(256) })],
    ['that has ended', () => ({ exp: now() - 60 })],
    ['that never ends', () => ({ exp: undefined })],
    ['for more than a day', () => ({ exp: now() + 86_401 })],
    ['that is not good yet', () => ({ nbf: now() + 61 })],
    ['from the future', () => ({ iat: now() + 61 })],
  ])('%s is refused, and fetches no keys', async (_, changed) => {
    expect(await shown(fresh(key, changed()))).toBe(refused);
    expect(issuer.asked).toEqual([]);
  });

  test('among several audiences is taken if one is ours', async () => {
    expect(await shown(fresh(key, { aud: ['x', 'other'] }))).toMatchObject(good);
  });

  test('by a key that another has is refused', async () => {
    const stranger = { ...issuerKey('key-1'), kid: 'key-1' };
    expect(await shown(fresh(stranger))).toBe(refused);
  });

  test('by HMAC with the public key, or by a symmetric key of the set, is refused', async () => {
    const secret = Buffer.alloc(32, 1);
    issuer.keys = [key.jwk, { kty: 'oct', kid: 'shared', k: secret.toString('base64url') }];
    for (const [kid, mac] of [
      ['shared', secret],
      ['key-1', JSON.stringify(key.jwk)],
    ] as const) {
      const text = `${encoded({ alg: 'HS256', typ: 'JWT', kid })}.${encoded(claims())}`;
      const signature = createHmac('sha256', mac).update(text).digest('base64url');
      expect(await shown(`${text}.${signature}`)).toBe(refused);
    }
  });

  test('by a key for encryption, or a weak one, is refused', async () => {
    const rsa = issuerKey('rsa', 'RS256');
    issuer.keys = [{ ...rsa.jwk, use: 'enc' }];
    expect(await shown(fresh(rsa))).toBe(refused);
    await bench.clock.advance(minuteMs);
    issuer.keys = [{ ...rsa.jwk, n: Buffer.alloc(128, 0xff).toString('base64url') }];
    expect(await shown(fresh(rsa))).toBe(refused);
  });
});

describe("an issuer's keys", () => {
  test('are fetched once for all who need them at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => shown(fresh())));
    for (const principal of all) expect(principal).toMatchObject(good);
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
  });

  test('are asked for where the settings say, without discovery', async () => {
    const jwksUri = `${issuer.url}/jwks`;
    const made = await openAccessBench({
      issuers: [{ issuer: 'https://issuer.example', jwksUri }],
      audiences: [audience],
    });
    const token = fresh(key, { iss: 'https://issuer.example' });
    expect(await shown(token, made.authenticator)).toMatchObject({
      member: 'principal://issuer.example/subject/subject-1',
    });
    expect(issuer.asked).toEqual(['/jwks']);
  });

  test('are fetched anew for a token by a new one, and not again within ten seconds', async () => {
    expect(await shown(fresh())).toMatchObject(good);
    const next = issuerKey('key-2');
    issuer.keys = [next.jwk, key.jwk];
    expect(await shown(fresh(next))).toBe(refused);
    expect(issuer.asked).toHaveLength(2);
    await bench.clock.advance(10_000);
    expect(await shown(fresh(next))).toMatchObject(good);
    expect(issuer.asked).toHaveLength(4);
    expect(await shown(fresh())).toMatchObject(good);
  });

  test('that were taken back are refused once they are fetched anew', async () => {
    expect(await shown(fresh())).toMatchObject(good);
    const kept = fresh(key, { exp: now() + 20_000 });
    expect(await shown(kept)).toMatchObject(good);
    const next = issuerKey('key-2');
    issuer.keys = [next.jwk];
    await bench.clock.advance(10 * minuteMs + 1);
    expect(await shown(fresh(next))).toMatchObject(good);
    expect(await shown(kept)).toBe(refused);
    expect(await shown(fresh())).toBe(refused);
  });

  test('serve on while the issuer is away, for twelve hours', async () => {
    expect(await shown(fresh())).toMatchObject(good);
    issuer.answers.set('/jwks', null);
    await bench.clock.advance(11 * hourMs);
    expect(await shown(fresh())).toMatchObject(good);
    await bench.clock.advance(hourMs + 1);
    expect(await shown(fresh())).toBe('ISSUER_UNREACHABLE');
    issuer.answers.clear();
    await bench.clock.advance(10_000);
    expect(await shown(fresh())).toMatchObject(good);
  });

  test('that cannot be had are an outage, not a refusal, and slow nobody', async () => {
    issuer.answers.set('/jwks', null);
    const token = fresh();
    for (let i = 0; i < 20; i++) expect(await shown(token)).toBe('ISSUER_UNREACHABLE');
    // One attempt, and what a reset connection makes of it.
    expect(new Set(issuer.asked).size).toBe(2);
    expect(issuer.asked.length).toBeLessThanOrEqual(4);
    issuer.answers.clear();
    await bench.clock.advance(10_000);
    expect(await shown(token)).toMatchObject(good);
  });

  test.each<[string, string, { status: number; body: string }]>([
    ['a discovery of another issuer', '/.well-known/openid-configuration', ok({ issuer: 'x' })],
    ['an error', '/jwks', { status: 500, body: '{}' }],
    ['a redirect', '/jwks', { status: 302, body: '{}' }],
    ['no JSON', '/jwks', { status: 200, body: '<html>' }],
    ['no list of keys', '/jwks', ok({ keys: { a: 1 } })],
    ['an endless answer', '/jwks', { status: 200, body: ' '.repeat(300_000) }],
  ])('are not taken from %s', async (_, path, answer) => {
    issuer.answers.set(path, answer);
    expect(await shown(fresh())).toBe('ISSUER_UNREACHABLE');
  });

  test('are a hundred at most, and what is no key among them is passed over', async () => {
    const many = Array.from({ length: 200 }, (_, at) => ({ ...key.jwk, kid: `k${at}` }));
    issuer.keys = [null, 7, 'key', { kty: 'EC' }, ...many];
    expect(await shown(fresh({ ...key, kid: 'k95' }))).toMatchObject(good);
    expect(await shown(fresh({ ...key, kid: 'k96' }))).toBe(refused);
  });
});

function ok(body: unknown): { status: number; body: string } {
  return { status: 200, body: JSON.stringify(body) };
}
