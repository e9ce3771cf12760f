import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { RpcError } from '../rpc/index.ts';
import { openBrowserTokens } from './browser-tokens.ts';
import type { BrowserClaims, BrowserTokens } from './identity.ts';

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

interface Bench {
  readonly tokens: BrowserTokens;
  readonly clock: VirtualClock;
  readonly claims: BrowserClaims;
}

async function open(): Promise<Bench> {
  const clock = new VirtualClock();
  const expiresAtMs = clock.wallMs() + 600_000;
  const grants = [{ verb: 'publish', resources: ['projects/p/topics/a*'] }] as const;
  const claims = { subject: 'ann', grants, expiresAtMs };
  return { tokens: await openBrowserTokens(secret(1), clock), clock, claims };
}

async function reasonOf(tokens: BrowserTokens, token: string): Promise<string> {
  const error: unknown = await tokens.verify(token).then(
    () => 'accepted',
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RpcError)) return String(error);
  expect(error.message).toBe(
    'The token is malformed, forged, expired, or was issued for another purpose.',
  );
  return `${error.code} ${error.reason}`;
}

const encode = (json: unknown): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/** A token that was signed by hand, under the right key unless another is given. */
function forge(header: object, payload: object, key: Uint8Array = secret(1)): string {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

describe('a browser token', () => {
  test('says after its check what it was issued with', async () => {
    const { tokens, claims } = await open();
    expect(await tokens.verify(await tokens.issue(claims))).toEqual(claims);
  });

  test('ends to the second', async () => {
    const { tokens, clock, claims } = await open();
    const token = await tokens.issue(claims);
    await clock.advance(599_999);
    expect(await tokens.verify(token)).toEqual(claims);
    await clock.advance(1);
    expect(await reasonOf(tokens, token)).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
  });

  test('is refused when any character of it was changed', async () => {
    const { tokens, claims } = await open();
    const token = await tokens.issue(claims);
    for (let i = 0; i < token.length - 1; i++) {
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      expect(await reasonOf(tokens, changed), `character ${i}`).toBe('UNAUTHENTICATED BAD_TOKEN');
    }
  });

  test.each(['', 'a', '.', '..', 'a.b.c', 'x'.repeat(8_193), '\u0000', 'Bearer x'])(
    'is not %j',
    async (text) => {
      const { tokens } = await open();
      expect(await reasonOf(tokens, text)).toBe('UNAUTHENTICATED BAD_TOKEN');
    },
  );

  test('is not one that would be larger than a request may carry', async () => {
    const { tokens, claims } = await open();
    const resources = Array.from(
      { length: 100 },
      (_, i) => `projects/p/topics/${'x'.repeat(90)}${i}`,
    );
    const large = { ...claims, grants: [{ verb: 'publish', resources } as const] };
    await expect(tokens.issue(large)).rejects.toMatchObject({ reason: 'TOKEN_TOO_LARGE' });
  });

  test('wipes the bytes that its key was made from', async () => {
    const bytes = secret(1);
    await openBrowserTokens(bytes, new VirtualClock());
    expect(bytes).toEqual(new Uint8Array(32));
  });
});

describe('a token signed by hand under the right key', () => {
  const nowSeconds = Math.floor(new VirtualClock().wallMs() / 1_000);
  const header = { alg: 'HS256', typ: 'JWT' };
  const payload = {
    sub: 'ann',
    aud: 'sealpost:websocket',
    iat: nowSeconds,
    exp: nowSeconds + 600,
    grants: [{ verb: 'subscribe', resources: ['projects/p/topics/a'] }],
  };

  test('passes, so that what follows is refused for its own sake', async () => {
    const { tokens } = await open();
    expect(await reasonOf(tokens, forge(header, payload))).toBe('accepted');
  });

  test.each([
    ['no subject', header, { ...payload, sub: undefined }],
    ['an empty subject', header, { ...payload, sub: '' }],
    ['another audience', header, { ...payload, aud: 'sealpost:other' }],
    ['no audience', header, { ...payload, aud: undefined }],
    ['no end', header, { ...payload, exp: undefined }],
    ['an end that is no number', header, { ...payload, exp: '9999999999' }],
    ['no beginning', header, { ...payload, iat: undefined }],
    ['a beginning to come', header, { ...payload, iat: nowSeconds + 1 }],
    ['a time before which it does not count', header, { ...payload, nbf: nowSeconds + 1 }],
    ['no grants', header, { ...payload, grants: undefined }],
    ['an unknown verb', header, { ...payload, grants: [{ verb: 'admin', resources: [] }] }],
    [
      'resources that are no names',
      header,
      { ...payload, grants: [{ verb: 'publish', resources: [1] }] },
    ],
    ['the algorithm none', { ...header, alg: 'none' }, payload],
    ['another algorithm', { ...header, alg: 'HS512' }, payload],
    ['an asymmetric algorithm', { ...header, alg: 'RS256' }, payload],
    ['an extension nobody knows', { ...header, crit: ['x'], x: 1 }, payload],
  ])('is refused with %s', async (_, head, body) => {
    const { tokens } = await open();
    expect(await reasonOf(tokens, forge(head, body))).toBe('UNAUTHENTICATED BAD_TOKEN');
  });

  test('is refused under another key, though it had expired as well', async () => {
    const { tokens } = await open();
    const old = { ...payload, iat: nowSeconds - 100, exp: nowSeconds - 50 };
    expect(await reasonOf(tokens, forge(header, old, secret(2)))).toBe('UNAUTHENTICATED BAD_TOKEN');
    expect(await reasonOf(tokens, forge(header, old))).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
  });

  test('lives an hour at most, whatever it says', async () => {
    const { tokens, clock } = await open();
    const long = forge(header, { ...payload, exp: nowSeconds + 86_400 });
    expect(await reasonOf(tokens, long)).toBe('accepted');
    await clock.advance(3_601_000);
    expect(await reasonOf(tokens, long)).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
  });
});
