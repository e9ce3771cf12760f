import { createPublicKey, verify } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';

import { openIdentityBench, type IdentityBench } from '../../test/support/identity-bench.ts';

const email = 'push@p.iam.gserviceaccount.com';
const audience = 'https://endpoint.example/push';
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const tokenOf = ({ identity }: Pick<IdentityBench, 'identity'>): Promise<string> =>
  identity.idTokens.idToken({ email, audience });

const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';

async function kidsOf({ identity }: Pick<IdentityBench, 'identity'>): Promise<unknown[]> {
  return (await identity.idTokens.jwks()).keys.map(({ kid }) => kid);
}

const part = (token: string, index: number): unknown =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString());

describe('an ID token', () => {
  test('is what an endpoint checks with jose and our published keys', async () => {
    const bench = await openIdentityBench();
    const jwks = createLocalJWKSet((await bench.identity.idTokens.jwks()) as JSONWebKeySet);
    const { payload } = await jwtVerify(await tokenOf(bench), jwks, {
      issuer: 'https://id.example',
      audience,
      currentDate: new Date(bench.clock.wallMs()),
    });
    const issuedAt = bench.clock.wallMs() / 1_000;
    expect(payload).toEqual({
      iss: 'https://id.example',
      aud: audience,
      azp: payload.sub,
      sub: expect.stringMatching(/^1\d{20}$/) as string,
      email,
      email_verified: true,
      iat: issuedAt,
      exp: issuedAt + 3_600,
    });
  });

  test('is RSASSA-PKCS1-v1_5 with SHA-256 over its first two parts, by a key of 2048 bits', async () => {
    const bench = await openIdentityBench();
    const token = await tokenOf(bench);
    const [jwk] = (await bench.identity.idTokens.jwks()).keys;
    expect(part(token, 0)).toEqual({ alg: 'RS256', kid: jwk?.['kid'], typ: 'JWT' });
    const key = createPublicKey({ key: jwk!, format: 'jwk' });
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    const [head, payload, signature] = token.split('.');
    const signed = Buffer.from(`${head}.${payload}`);
    expect(verify('sha256', signed, key, Buffer.from(signature ?? '', 'base64url'))).toBe(true);
    signed[20]! ^= 1;
    expect(verify('sha256', signed, key, Buffer.from(signature ?? '', 'base64url'))).toBe(false);
  });

  test('is used again until five minutes before its end', async () => {
    const bench = await openIdentityBench();
    const first = await tokenOf(bench);
    await bench.clock.advance(hourMs - 300_001);
    expect(await tokenOf(bench)).toBe(first);
    await bench.clock.advance(1_000);
    expect(await tokenOf(bench)).not.toBe(first);
  });

  test('is not used again when the wall clock has stepped to before it was issued', async () => {
    const bench = await openIdentityBench();
    const first = await tokenOf(bench);
    bench.clock.stepWall(-2_000);
    expect(part(await tokenOf(bench), 1)).toMatchObject({
      iat: (part(first, 1) as { iat: number }).iat - 2,
    });
  });

  test('differs by audience and by account, and the account keeps its number', async () => {
    const { identity } = await openIdentityBench();
    const { idTokens } = identity;
    const one = part(await idTokens.idToken({ email, audience }), 1);
    const two = part(await idTokens.idToken({ email, audience: 'other' }), 1);
    const three = part(await idTokens.idToken({ email: 'other@p', audience }), 1);
    expect(two).toMatchObject({ aud: 'other', sub: (one as { sub: string }).sub });
    expect((three as { sub: string }).sub).not.toBe((one as { sub: string }).sub);
  });

  test('of those that were kept the least used are forgotten first, past a thousand', async () => {
    const bench = await openIdentityBench();
    const { idTokens } = bench.identity;
    const first = await tokenOf(bench);
    await bench.clock.advance(60_000);
    for (let i = 0; i < 999; i++) await idTokens.idToken({ email, audience: `a${i}` });
    expect(await tokenOf(bench)).toBe(first);
    for (let i = 999; i < 1_999; i++) await idTokens.idToken({ email, audience: `a${i}` });
    expect(await tokenOf(bench)).not.toBe(first);
  });
});

describe('signing keys', () => {
  test('the first is made when it is needed, once for all that ask at once, and outlives a restart', async () => {
    const bench = await openIdentityBench();
    expect(await bench.rows.list('identity/')).toEqual([]);
    const [[one], [two], token] = await Promise.all([kidsOf(bench), kidsOf(bench), tokenOf(bench)]);
    expect([two, kidOf(token)]).toEqual([one, one]);
    expect(await bench.rows.list('identity/')).toHaveLength(1);
    expect(await kidsOf({ identity: await bench.reopen() })).toEqual([one]);
  });

  test('a row holds nothing of the private key in the clear', async () => {
    const bench = await openIdentityBench();
    await tokenOf(bench);
    const [row] = await bench.rows.list('identity/');
    // Every PKCS#8 of an RSA key has this object identifier.
    const rsaEncryption = Buffer.from('2a864886f70d010101', 'hex');
    expect(Buffer.from(row?.value ?? []).includes(rsaEncryption)).toBe(false);
    const [jwk] = (await bench.identity.idTokens.jwks()).keys;
    const modulus = Buffer.from(String(jwk?.['n']), 'base64url');
    expect(Buffer.from(row?.value ?? []).includes(modulus.subarray(0, 16))).toBe(false);
  });

  test('a row that was changed, or moved to another number, is refused', async () => {
    const bench = await openIdentityBench();
    await tokenOf(bench);
    const [row] = await bench.rows.list('identity/');
    const { key, value } = row!;
    for (const index of [0, 7, 8, 30, value.length - 1]) {
      const changed = value.slice();
      changed[index]! ^= 1;
      await bench.rows.txn([], [{ key, value: changed }]);
      const identity = await bench.reopen();
      await expect(identity.idTokens.jwks(), `byte ${index}`).rejects.toMatchObject({
        code: 'DATA_LOSS',
      });
    }
    const elsewhere = { key: 'identity/signing-key/000002', value };
    await bench.rows.txn([], [{ key, value: null }, elsewhere]);
    const moved = await bench.reopen();
    await expect(moved.idTokens.jwks()).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });

  test('after 90 days the next is published, an hour later it signs, two more and the first is gone', async () => {
    const bench = await openIdentityBench();
    const first = kidOf(await tokenOf(bench));
    await bench.clock.advance(90 * dayMs - 1);
    expect(kidOf(await tokenOf(bench))).toBe(first);
    await bench.clock.advance(1);
    const [, second] = await kidsOf(bench);
    expect(await kidsOf(bench)).toEqual([first, second]);
    await bench.clock.advance(hourMs - 1);
    expect(kidOf(await tokenOf(bench))).toBe(first);
    const last = await bench.identity.idTokens.idToken({ email, audience: 'last' });
    expect(kidOf(last)).toBe(first);
    await bench.clock.advance(1);
    expect(kidOf(await bench.identity.idTokens.idToken({ email, audience: 'new' }))).toBe(second);
    await bench.clock.advance(hourMs);
    expect(await kidsOf(bench)).toEqual([first, second]);
    await bench.clock.advance(hourMs);
    expect(await kidsOf(bench)).toEqual([second]);
    expect(await bench.rows.list('identity/')).toHaveLength(1);
    expect(kidOf(await tokenOf({ identity: await bench.reopen() }))).toBe(second);
  });

  test('a write that the disk refuses is reported, and tried again by the next', async () => {
    const bench = await openIdentityBench();
    const txn = bench.rows.txn.bind(bench.rows);
    bench.rows.txn = () => Promise.reject(new Error('disk'));
    await expect(tokenOf(bench)).rejects.toThrow('disk');
    bench.rows.txn = txn;
    expect(kidOf(await tokenOf(bench))).not.toBe('');
  });

  test('a disk that takes no successor leaves the present key in use, and is tried again', async () => {
    const bench = await openIdentityBench();
    const first = kidOf(await tokenOf(bench));
    await bench.clock.advance(91 * dayMs);
    const txn = bench.rows.txn.bind(bench.rows);
    let tryCount = 0;
    bench.rows.txn = () => {
      tryCount++;
      return Promise.reject(new Error('disk'));
    };
    expect(kidOf(await tokenOf(bench))).toBe(first);
    expect(await kidsOf(bench)).toEqual([first]);
    expect(tryCount).toBe(1);
    bench.rows.txn = txn;
    await bench.clock.advance(60_000);
    expect(await kidsOf(bench)).toEqual([first, expect.not.stringMatching(first)]);
  });
});
