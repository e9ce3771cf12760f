import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type HeldKey, selfSigned } from '../support/access-bench.ts';
import { callAs, type JsonAnswer, startAsking } from '../support/live-accounts.ts';
import { LiveServer } from '../support/live-server.ts';
import { issuedToken, type IssuerKey, issuerKey, TokenIssuer } from '../support/token-issuer.ts';

const server = new LiveServer();
const issuer = new TokenIssuer();
let issuerOwn: IssuerKey;
let admin: HeldKey;

const topics = '/v1/projects/project-1/topics';
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

beforeAll(async () => {
  await issuer.start();
  issuerOwn = issuerKey('key-1');
  issuer.keys = [issuerOwn.jwk];
  admin = await startAsking(server, ['--oidc-issuer', issuer.url, '--oidc-audience', 'sealpost']);
});

afterAll(async () => {
  await server.remove();
  await issuer.stop();
});

const assertion = (changed: Readonly<Record<string, unknown>> = {}): string =>
  selfSigned(admin, server.clock, {
    aud: `${server.url}/token`,
    scope: 'https://www.googleapis.com/auth/pubsub',
    ...changed,
  });

async function exchanged(form: Readonly<Record<string, string>>): Promise<JsonAnswer> {
  const body = new URLSearchParams({ grant_type: grantType, ...form });
  const response = await fetch(`${server.url}/token`, { method: 'POST', body });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, json, headers: response.headers };
}

const list = (token: string | undefined): Promise<JsonAnswer> =>
  callAs(server, token, ['GET', topics]);

describe('POST /token', () => {
  test('gives an access token for what an account signed, and that is let in', async () => {
    const { status, json, headers } = await exchanged({ assertion: assertion() });
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(json).toEqual({
      access_token: expect.any(String) as string,
      expires_in: 3_599,
      token_type: 'Bearer',
    });
    expect((await list(json['access_token'] as string)).status).toBe(200);
  });

  test('gives an ID token for a target audience, which our published keys verify', async () => {
    const target = { target_audience: 'https://run.example' };
    const { json } = await exchanged({ assertion: assertion(target) });
    const [head = '', body = '', signature = ''] = String(json['id_token']).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    expect(claims).toMatchObject({
      aud: 'https://run.example',
      email: admin.email,
      email_verified: true,
      sub: admin.account.uid,
      iss: server.url,
    });
    const { keys } = (await (await fetch(`${server.url}/sealpost/v1/jwks`)).json()) as {
      keys: JsonWebKey[];
    };
    const key = createPublicKey({ key: keys[0]!, format: 'jwk' });
    const signed = Buffer.from(`${head}.${body}`);
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true);
    // Whoever gets it, an endpoint say, cannot call us by it.
    expect((await list(String(json['id_token']))).status).toBe(401);
  });

  test.each<[string, () => Record<string, string>, string]>([
    [
      'an assertion for calls',
      () => ({ assertion: assertion({ aud: server.url }) }),
      'invalid_grant',
    ],
    [
      'one for somebody else',
      () => ({ assertion: assertion({ sub: 'user@example.com' }) }),
      'invalid_grant',
    ],
    ['one that has ended', () => ({ assertion: assertion({ exp: 1, iat: 0 }) }), 'invalid_grant'],
    ['no JWT', () => ({ assertion: 'assertion' }), 'invalid_grant'],
    ['no assertion', () => ({}), 'invalid_request'],
    ['another grant', () => ({ grant_type: 'password' }), 'unsupported_grant_type'],
    [
      'a list of audiences for a token',
      () => ({ assertion: assertion({ target_audience: ['a'] }) }),
      'invalid_grant',
    ],
  ])('refuses %s in the words of OAuth 2', async (_, form, error) => {
    const { status, json } = await exchanged(form());
    expect([status, json['error']]).toEqual([400, error]);
    expect(json['error_description']).toEqual(expect.any(String));
  });

  test('refuses what is no form', async () => {
    const answer = await callAs(server, undefined, ['POST', '/token', { grant_type: grantType }]);
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
  });
});

describe('a call', () => {
  test('without credentials is told so, with a challenge', async () => {
    const { status, json, headers } = await list(undefined);
    expect(status).toBe(401);
    expect(json['error']).toMatchObject({
      status: 'UNAUTHENTICATED',
      details: [{ reason: 'CREDENTIALS_MISSING' }],
    });
    expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="/);
  });

  test('with a token of an issuer is let in, and may what policies say', async () => {
    const iat = Math.floor(server.clock.wallMs() / 1_000);
    const claims = { iss: issuer.url, sub: 'ann', aud: 'sealpost', iat, exp: iat + 600 };
    const token = issuedToken(issuerOwn, claims);
    expect((await list(token)).status).toBe(403);
    const member = `principal://${issuer.url.replace('http://', '')}/subject/ann`;
    const policy = { bindings: [{ role: 'roles/pubsub.viewer', members: [member] }] };
    const path = '/v1/projects/project-1:setIamPolicy';
    const admitted = selfSigned(admin, server.clock);
    expect((await callAs(server, admitted, ['POST', path, { policy }])).status).toBe(200);
    expect((await list(token)).status).toBe(200);
    const forged = issuedToken(issuerKey('key-1'), claims);
    expect((await list(forged)).status).toBe(401);
  });

  test('with what was given before a restart is let in after it', async () => {
    const { json } = await exchanged({ assertion: assertion() });
    const token = String(json['access_token']);
    await server.restart();
    expect((await list(token)).status).toBe(200);
    expect((await list(selfSigned(admin, server.clock))).status).toBe(200);
  });

  test('is in the audit log under the email of who made it', async () => {
    const token = selfSigned(admin, server.clock);
    const made = await callAs(server, token, ['PUT', `${topics}/audited`, {}]);
    expect(made.status).toBe(200);
    const body = {
      resourceNames: ['projects/project-1'],
      filter: 'protoPayload.methodName="google.pubsub.v1.Publisher.CreateTopic"',
    };
    const { json } = await callAs(server, token, ['POST', '/v2/entries:list', body]);
    const [entry] = json['entries'] as { protoPayload: object }[];
    expect(entry?.protoPayload).toMatchObject({
      authenticationInfo: { principalEmail: admin.email },
    });
  });
});
