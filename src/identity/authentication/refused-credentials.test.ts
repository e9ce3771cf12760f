import { describe, expect, test } from 'vitest';

import {
  type AccessBench,
  caller,
  makeAccount,
  openAccessBench,
  ownUrl,
  selfSigned,
} from '../../../test/support/access-bench.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type LogFields, type Logger, silentLogger } from '../../runtime/index.ts';
import { RefusedCredentials } from './refused-credentials.ts';

interface Told {
  readonly log: Logger;
  readonly lines: LogFields[];
}

function recorder(): Told {
  const lines: LogFields[] = [];
  return { lines, log: { ...silentLogger, info: (fields) => void lines.push(fields) } };
}

describe('whoever runs the server reads why', () => {
  const hourSeconds = 3_600;

  async function reasonFor(
    shown: (bench: AccessBench, held: Awaited<ReturnType<typeof makeAccount>>) => unknown,
  ): Promise<LogFields[]> {
    const { log, lines } = recorder();
    const bench = await openAccessBench({ log, issuers: [], audiences: [] });
    const held = await makeAccount(bench);
    const token = await shown(bench, held);
    const authorization = `Bearer ${String(token)}`;
    await expect(async () => bench.authenticator.authenticate({ authorization })).rejects.toThrow(
      'invalid authentication credentials',
    );
    expect(JSON.stringify(lines)).not.toContain(String(token));
    return lines;
  }

  const email = 'tester@project-1.iam.gserviceaccount.com';

  test.each<[string, Parameters<typeof reasonFor>[0]]>([
    [
      'it has expired',
      ({ clock }, held) => {
        const iat = Math.floor(clock.wallMs() / 1_000) - 2 * hourSeconds;
        return selfSigned(held, clock, { iat, exp: iat + hourSeconds });
      },
    ],
    [
      'it is meant for another audience, or another subject',
      ({ clock }, held) => selfSigned(held, clock, { aud: 'https://other.example.com/' }),
    ],
    [
      'the account has no such key',
      ({ clock }, held) => selfSigned(held, clock, {}, { kid: 'unknown' }),
    ],
    [
      'the account is disabled',
      async ({ clock, store }, held) => {
        await store.accounts.setDisabled(held.account, true, caller);
        return selfSigned(held, clock);
      },
    ],
    [
      'its signature is bad, or its life is too long',
      ({ clock }, held) => `${selfSigned(held, clock).split('.').slice(0, 2).join('.')}.AAAA`,
    ],
  ])('%s', async (reason, shown) => {
    expect(await reasonFor(shown)).toEqual([{ kind: 'token', claimed: email, reason }]);
  });

  test('of a token of nobody known, and of what is no token', async () => {
    const other = { iss: 'https://other.example.com' };
    expect(await reasonFor(({ clock }, held) => selfSigned(held, clock, other))).toEqual([
      { kind: 'token', claimed: other.iss, reason: 'its issuer is not known' },
    ]);
    expect(await reasonFor(() => 'nonsense')).toEqual([
      { kind: 'token', claimed: '', reason: 'it is no JWT that can be verified' },
    ]);
  });

  test('of an API key, by its account', async () => {
    expect(
      await reasonFor(async ({ store }, { account }) => {
        const { text } = await store.keys.createApiKey(account, '', caller);
        await store.accounts.setDisabled(account, true, caller);
        return text;
      }),
    ).toEqual([{ kind: 'API key', claimed: email, reason: 'the account is disabled' }]);
    expect(await reasonFor(() => `spk_${'x'.repeat(43)}`)).toEqual([
      { kind: 'API key', claimed: '', reason: 'there is no such key' },
    ]);
  });

  test('of an assertion that gets no token', async () => {
    const { log, lines } = recorder();
    const bench = await openAccessBench({ log });
    const held = await makeAccount(bench);
    const aud = `${ownUrl}/elsewhere`;
    const assertion = selfSigned(held, bench.clock, { aud });
    expect(await bench.authenticator.exchange.exchange(assertion, undefined)).toBeNull();
    const reason = 'it is meant for another audience, or another subject';
    expect(lines).toEqual([{ kind: 'assertion', claimed: email, reason }]);
  });
});

test('each line is said once a minute, so many at most, and what was not said is counted', async () => {
  const clock = new VirtualClock();
  const { log, lines } = recorder();
  const refused = new RefusedCredentials({ clock, log });
  const add = (claimed: string): void => {
    refused.add({ kind: 'token', claimed, reason: 'it has expired' });
  };
  add('one');
  add('one');
  expect(lines).toHaveLength(1);
  for (let at = 0; at < 100; at++) add(`made up ${at}`);
  expect(lines).toHaveLength(20);
  await clock.advance(60_000);
  add('x'.repeat(1_000));
  expect(lines.slice(20)).toEqual([
    { count: 82 },
    { kind: 'token', claimed: 'x'.repeat(200), reason: 'it has expired' },
  ]);
});
