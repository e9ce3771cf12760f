import { describe, expect, test } from 'vitest';

import {
  type AccessBench,
  caller,
  makeAccount,
  makeKey,
  openAccessBench,
  ownUrl,
  selfSigned,
} from '../../../test/support/access-bench.ts';
import { operator, type Principal } from '../../iam/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { PresentedCredentials } from '../authenticator.ts';
import { issuerOf } from './browser-issuer.ts';

const hourMs = 3_600_000;

const bearer = (token: string): PresentedCredentials => ({ authorization: `Bearer ${token}` });

async function outcome(
  { authenticator }: Pick<AccessBench, 'authenticator'>,
  presented: PresentedCredentials,
): Promise<string> {
  try {
    return (await authenticator.authenticate(presented)).member;
  } catch (error) {
    return error instanceof RpcError ? error.reason : String(error);
  }
}

const refused = 'ACCESS_TOKEN_TYPE_UNSUPPORTED';

async function apiKeyOf(bench: AccessBench, email: string): Promise<{ id: string; text: string }> {
  const account = bench.store.accounts.get('-', email);
  const { apiKey, text } = await bench.store.keys.createApiKey(account, '', caller);
  return { id: apiKey.id, text };
}

describe('who shows nothing', () => {
  test('is told that credentials are missing, in the words of production', async () => {
    const { authenticator } = await openAccessBench();
    expect(() => authenticator.authenticate({})).toThrow(
      'Request is missing required authentication credential. Expected OAuth 2 access token,',
    );
    expect(() => authenticator.authenticate({ authorization: '' })).toThrow('is missing required');
  });

  test('is the operator where nobody is asked, whatever he shows', async () => {
    const { authenticator } = await openAccessBench({ isRequired: false });
    expect(authenticator.isRequired).toBe(false);
    expect(authenticator.authenticate({})).toBe(operator);
    expect(authenticator.authenticate({ authorization: 'Bearer nonsense' })).toBe(operator);
  });

  test('with another scheme is refused', async () => {
    const bench = await openAccessBench();
    expect(await outcome(bench, { authorization: 'Basic dXNlcjpwYXNz' })).toBe(refused);
  });
});

describe('an API key', () => {
  test('is taken in each of its places, at once', async () => {
    const bench = await openAccessBench();
    const { email } = await makeAccount(bench);
    const { text } = await apiKeyOf(bench, email);
    const member = `serviceAccount:${email}`;
    for (const presented of [
      { apiKey: text },
      bearer(text),
      { authorization: `bearer   ${text}` },
    ]) {
      const principal = bench.authenticator.authenticate(presented) as Principal;
      expect(principal).toMatchObject({ member, email, groups: [], expiresAtMs: Infinity });
    }
  });

  test('is refused with one text, whether its id or its secret is wrong', async () => {
    const bench = await openAccessBench();
    const { email } = await makeAccount(bench);
    const { text } = await apiKeyOf(bench, email);
    const last = text.endsWith('A') ? 'E' : 'A';
    const wrongSecret = `${text.slice(0, 20)}${'x'.repeat(26)}${last}`;
    const wrongId = `spk_${'x'.repeat(43)}`;
    for (const wrong of [wrongSecret, wrongId, text.slice(0, -1), `${text}A`, 'spk_', 'spk_ä']) {
      const authenticator = bench.another();
      const messages = expect.stringContaining('invalid authentication credentials') as string;
      expect(() => authenticator.authenticate({ apiKey: wrong })).toThrow(
        expect.objectContaining({ reason: refused, message: messages }) as Error,
      );
    }
  });

  test('is stored as a hash alone', async () => {
    const bench = await openAccessBench();
    const { email } = await makeAccount(bench);
    const { text } = await apiKeyOf(bench, email);
    const shown = JSON.stringify(bench.store.accounts.get('-', email));
    expect(shown).not.toContain(text.slice(16));
    expect(JSON.stringify(bench.audit.entries)).not.toContain(text.slice(16));
  });

  test('wins nothing beside a bad token: what is named first decides', async () => {
    const bench = await openAccessBench();
    const { email } = await makeAccount(bench);
    const { text } = await apiKeyOf(bench, email);
    expect(await outcome(bench, { authorization: 'Bearer nonsense', apiKey: text })).toBe(refused);
  });
});

describe('what was verified', () => {
  test('is found at once, the second time', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const token = selfSigned(held, bench.clock);
    const first = bench.authenticator.authenticate(bearer(token));
    expect(first).toBeInstanceOf(Promise);
    expect(bench.authenticator.authenticate(bearer(token))).toBe(first);
    const principal = await first;
    expect(bench.authenticator.authenticate(bearer(token))).toBe(principal);
    expect(principal.expiresAtMs).toBe(bench.clock.wallMs() + hourMs + 60_000);
  });

  test('is refused once the token has ended', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const token = selfSigned(held, bench.clock);
    expect(await outcome(bench, bearer(token))).toBe(`serviceAccount:${held.email}`);
    bench.clock.stepWall(hourMs + 60_000);
    expect(await outcome(bench, bearer(token))).toBe(refused);
  });
});

describe('what was let in', () => {
  type Revoke = (bench: AccessBench, ids: { email: string; key: string; api: string }) => unknown;
  const account = (bench: AccessBench, email: string) => bench.store.accounts.get('-', email);
  const both = ['token', 'apiKey', 'access'];

  test.each<[string, Revoke, string[]]>([
    [
      'its account is disabled',
      ({ store }, { email }) =>
        store.accounts.setDisabled(store.accounts.get('-', email), true, caller),
      both,
    ],
    [
      'its account is deleted',
      ({ store }, { email }) => store.accounts.delete(store.accounts.get('-', email), caller),
      both,
    ],
    [
      'its key is deleted',
      (bench, { email, key }) => bench.store.keys.delete(account(bench, email), key, caller),
      ['token', 'access'],
    ],
    [
      'its key is disabled',
      (bench, { email, key }) =>
        bench.store.keys.setDisabled(account(bench, email), key, true, caller),
      ['token', 'access'],
    ],
    [
      'its API key is deleted',
      (bench, { email, api }) => bench.store.keys.deleteApiKey(account(bench, email), api, caller),
      ['apiKey'],
    ],
  ])('is refused once %s, and listeners are told', async (_, revoke, ended) => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const { id: api, text } = await apiKeyOf(bench, held.email);
    const aud = `${ownUrl}/token`;
    const assertion = selfSigned(held, bench.clock, { aud });
    const exchanged = await bench.authenticator.exchange.exchange(assertion, undefined);
    const shown: Record<string, PresentedCredentials> = {
      token: bearer(selfSigned(held, bench.clock)),
      apiKey: { apiKey: text },
      access: bearer((exchanged as { accessToken: string }).accessToken),
    };
    const principals = new Map<string, Principal>();
    for (const [name, presented] of Object.entries(shown)) {
      principals.set(name, await bench.authenticator.authenticate(presented));
    }
    const issuers = new Map(
      [...principals].map(([name, principal]) => [name, issuerOf(principal)!]),
    );
    let told = 0;
    bench.authenticator.onRevoked(() => told++);
    await revoke(bench, { email: held.email, key: held.keyId, api });
    expect(told).toBe(1);
    for (const [name, presented] of Object.entries(shown)) {
      const isEnded = ended.includes(name);
      expect([name, principals.get(name)?.isValid()]).toEqual([name, !isEnded]);
      expect([name, bench.authenticator.accepts(issuers.get(name)!)]).toEqual([name, !isEnded]);
      const expected = isEnded ? refused : `serviceAccount:${held.email}`;
      expect([name, await outcome(bench, presented)]).toEqual([name, expected]);
    }
  });

  test('stays refused when another account gets the same email', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const { text } = await apiKeyOf(bench, held.email);
    const token = selfSigned(held, bench.clock);
    const principal = await bench.authenticator.authenticate(bearer(token));
    const issuer = issuerOf(principal)!;
    await bench.store.accounts.delete(held.account, caller);
    const again = await makeAccount(bench);
    expect(again.email).toBe(held.email);
    expect(again.account.uid).not.toBe(held.account.uid);
    expect(principal.isValid()).toBe(false);
    expect(bench.authenticator.accepts(issuer)).toBe(false);
    expect(await outcome(bench, bearer(token))).toBe(refused);
    expect(await outcome(bench, { apiKey: text })).toBe(refused);
    const fresh = selfSigned(again, bench.clock);
    expect(await outcome(bench, bearer(fresh))).toBe(`serviceAccount:${held.email}`);
  });

  test('is let in again once its account is enabled again', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const token = selfSigned(held, bench.clock);
    await bench.store.accounts.setDisabled(held.account, true, caller);
    expect(await outcome(bench, bearer(token))).toBe(refused);
    await bench.store.accounts.setDisabled(held.account, false, caller);
    expect(await outcome(bench, bearer(token))).toBe(`serviceAccount:${held.email}`);
  });

  test('by one key is not touched when another is deleted', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const second = await makeKey(bench.store, held.account);
    const principal = await bench.authenticator.authenticate(bearer(selfSigned(held, bench.clock)));
    await bench.store.keys.delete(held.account, second.keyId, caller);
    expect(principal.isValid()).toBe(true);
    expect(await outcome(bench, bearer(selfSigned(second, bench.clock)))).toBe(refused);
  });
});
