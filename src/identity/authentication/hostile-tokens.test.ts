import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';

import {
  type AccessBench,
  claimsOf,
  encoded,
  type HeldKey,
  makeAccount,
  openAccessBench,
  ownUrl,
  selfSigned,
  signedToken,
} from '../../../test/support/access-bench.ts';
import { RpcError } from '../../rpc/index.ts';

let bench: AccessBench;
let held: HeldKey;
let other: HeldKey;
const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 });

beforeAll(async () => {
  bench = await openAccessBench();
  held = await makeAccount(bench);
  other = await makeAccount(bench, 'another');
});

/** Of an authenticator that has seen no failure yet, so that one token slows no other. */
const outcome = async (token: string): Promise<string> => {
  try {
    return (await bench.another().authenticate({ authorization: `Bearer ${token}` })).member;
  } catch (error) {
    return error instanceof RpcError ? `${error.code} ${error.reason}` : String(error);
  }
};

const refused = 'UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED';
const member = (): string => `serviceAccount:${held.email}`;
const now = (): number => Math.floor(bench.clock.wallMs() / 1_000);
const head = (): Record<string, string> => ({ alg: 'RS256', typ: 'JWT', kid: held.keyId });

describe('a token that an account signed itself', () => {
  test.each<[string, Record<string, unknown>]>([
    ['for Pub/Sub', {}],
    ['for Pub/Sub without a slash', { aud: 'https://pubsub.googleapis.com' }],
    ['for a gRPC service', { aud: 'https://pubsub.googleapis.com/google.pubsub.v1.Publisher' }],
    ['for a regional endpoint', { aud: 'https://europe-west3-pubsub.googleapis.com/' }],
    ['for the key service', { aud: 'https://cloudkms.googleapis.com/' }],
    ['for one of our URLs', { aud: `${ownUrl}/google.pubsub.v1.Subscriber` }],
    ['with a scope', { aud: undefined, scope: 'https://www.googleapis.com/auth/cloud-platform' }],
    ['as Go makes it', { aud: '', scope: 'https://www.googleapis.com/auth/pubsub' }],
  ])('%s is good', async (_, claims) => {
    expect(await outcome(selfSigned(held, bench.clock, claims))).toBe(member());
  });

  test.each<[string, Record<string, unknown>]>([
    ['for somebody else', { aud: 'https://storage.googleapis.com/' }],
    ['for a host that ends like ours', { aud: 'https://pubsub.googleapis.com.evil.example/' }],
    ['for another port', { aud: 'https://pubsub.example.com:9/' }],
    ['for us, with a user', { aud: 'https://a@pubsub.example.com:8085/' }],
    ['for nobody, without a scope', { aud: undefined }],
    ['for an empty name, without a scope', { aud: '' }],
    ['with a scope of others', { aud: undefined, scope: 'https://www.googleapis.com/auth/drive' }],
    ['for a number', { aud: 7 }],
    ['for another subject', { sub: 'another@project-1.iam.gserviceaccount.com' }],
    ['for no subject', { sub: undefined }],
    ['of no issuer', { iss: undefined }],
    ['of an account that is not there', { iss: 'no@p.iam.gserviceaccount.com' }],
    ['of an issuer that is a list', { iss: ['tester@project-1.iam.gserviceaccount.com'] }],
    ['without an end', { exp: undefined }],
    ['with an end in words', { exp: '2099-01-01' }],
    ['without a beginning', { iat: undefined }],
    ['that ends before it begins', { exp: 10, iat: 20 }],
  ])('%s is refused', async (_, claims) => {
    expect(await outcome(selfSigned(held, bench.clock, claims))).toBe(refused);
  });

  test.each<[string, (seconds: number) => Record<string, unknown>, boolean]>([
    ['ended within the skew', (at) => ({ iat: at - 3_659, exp: at - 59 }), true],
    ['ended before the skew', (at) => ({ iat: at - 3_660, exp: at - 60 }), false],
    ['issued within the skew', (at) => ({ iat: at + 60, exp: at + 3_660 }), true],
    ['issued in the future', (at) => ({ iat: at + 62, exp: at + 3_662 }), false],
    ['not yet good', (at) => ({ nbf: at + 62 }), false],
    ['for more than an hour', (at) => ({ exp: at + 3_601 }), false],
    ['with an end beyond all numbers', () => ({ exp: 1e300 }), false],
  ])('%s: %s', async (_, claims, isGood) => {
    const token = selfSigned(held, bench.clock, claims(now()));
    expect(await outcome(token)).toBe(isGood ? member() : refused);
  });
});

describe('a forged token', () => {
  test('without a signature is refused, whatever its algorithm is called', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const text = `${encoded({ ...head(), alg })}.${encoded(claimsOf(held, bench.clock))}`;
      expect(await outcome(`${text}.`)).toBe(refused);
      expect(await outcome(`${text}.AA`)).toBe(refused);
    }
  });

  test('by HMAC with the public key is refused, in any spelling of the key', async () => {
    const publicKey = createPublicKey(held.privateKey);
    const keys = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      held.account.keys[0]?.publicKey ?? 'none',
    ];
    for (const key of keys) {
      const text = `${encoded({ ...head(), alg: 'HS256' })}.${encoded(claimsOf(held, bench.clock))}`;
      const mac = createHmac('sha256', key).update(text).digest('base64url');
      expect(await outcome(`${text}.${mac}`)).toBe(refused);
    }
  });

  test('whose key is in its own header is refused', async () => {
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const headers = [
      { jwk },
      { jku: 'https://evil.example/jwks' },
      { x5u: 'https://evil.example/x5u' },
      { x5c: ['MIIB'] },
    ];
    for (const extra of headers) {
      const token = signedToken(
        stranger.privateKey,
        { ...head(), ...extra },
        claimsOf(held, bench.clock),
      );
      expect(await outcome(token)).toBe(refused);
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ['another key id', { kid: '0'.repeat(40) }],
    ['a path for a key id', { kid: '../../../dev/null' }],
    ['an SQL phrase for a key id', { kid: "x' UNION SELECT 'a" }],
    ['an object for a key id', { kid: { a: 1 } }],
    ['__proto__ for a key id', { kid: '__proto__' }],
    ['a key id without an end', { kid: 'k'.repeat(5_000) }],
    ['no key id', { kid: undefined }],
    ['another algorithm', { alg: 'PS256' }],
    ['a longer hash', { alg: 'RS512' }],
    ['a critical extension', { crit: ['exp'], exp: 1 }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['the type of a logout', { typ: 'logout+jwt' }],
    ['a type that is no text', { typ: 7 }],
  ])('with %s is refused', async (_, header) => {
    expect(await outcome(selfSigned(held, bench.clock, {}, header))).toBe(refused);
  });

  test('with the key of another account is refused', async () => {
    const claims = claimsOf(held, bench.clock);
    expect(await outcome(signedToken(other.privateKey, head(), claims))).toBe(refused);
    const named = { ...head(), kid: other.keyId };
    expect(await outcome(signedToken(other.privateKey, named, claims))).toBe(refused);
  });

  test('with a changed byte is refused, wherever it is', async () => {
    const token = selfSigned(held, bench.clock);
    for (let at = 3; at < token.length; at += 37) {
      if (token[at] === '.') continue;
      const changed = token[at] === 'A' ? 'B' : 'A';
      expect(await outcome(token.slice(0, at) + changed + token.slice(at + 1))).toBe(refused);
    }
  });

  test('of another form is refused', async () => {
    const token = selfSigned(held, bench.clock);
    const texts = [
      '',
      '.',
      '..',
      'a.b.c',
      `${token}.`,
      `${token}.AAAA`,
      token.replaceAll('.', '..'),
      ` ${token} x`,
      `${token}=`,
      token.slice(0, token.lastIndexOf('.')),
      '\u{1f512}.\u{1f512}.\u{1f512}',
      'x'.repeat(100_000),
    ];
    for (const text of texts) expect(await outcome(text)).toBe(refused);
  });

  test('beyond the size limit is not looked at', async () => {
    const token = selfSigned(held, bench.clock, { more: 'm'.repeat(16_384) });
    expect(await outcome(token)).toBe(refused);
  });

  test('of deeply nested JSON ends nothing', async () => {
    const nested = '['.repeat(5_000) + ']'.repeat(5_000);
    const claims = `{"iss":"${held.email}","deep":${nested}}`;
    expect(await outcome(signedToken(held.privateKey, head(), claims))).toBe(refused);
    expect(await outcome(signedToken(held.privateKey, nested, claims))).toBe(refused);
    expect(await outcome(signedToken(held.privateKey, head(), '7'))).toBe(refused);
    expect(await outcome(signedToken(held.privateKey, head(), '[]'))).toBe(refused);
  });

  test('with a claim twice says what its last one says', async () => {
    const good = JSON.stringify(claimsOf(held, bench.clock));
    const twice = `${good.slice(0, -1)},"sub":"admin@project-1.iam.gserviceaccount.com"}`;
    expect(await outcome(signedToken(held.privateKey, head(), twice))).toBe(refused);
    const issuer = `${good.slice(0, -1)},"iss":"${other.email}","sub":"${other.email}"}`;
    expect(await outcome(signedToken(held.privateKey, head(), issuer))).toBe(refused);
  });
});
