import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { refusalOf, RemoteEvents } from '../../../test/support/remote-kms-bench.ts';
import { privateDirectory } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { KeyChange } from '../../kms/index.ts';
import { createOutgoingClient } from '../../outgoing/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import type { RemoteKeyService } from '../remote-key-service.ts';
import { openTransitKeyService } from './transit-key-service.ts';

interface Exchange {
  readonly label: string;
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly request: string | null;
  readonly status: number;
  readonly response: string;
}

/** What a real OpenBao answered to these very bytes. */
const data = join(import.meta.dirname, '../../../test/vectors/data/openbao-transit.json');
const { exchanges } = JSON.parse(readFileSync(data, 'utf8')) as { exchanges: Exchange[] };

const name = (key: string): string => `projects/p/locations/global/keyRings/r/cryptoKeys/${key}`;
const plaintext = Uint8Array.from({ length: 32 }, (_, i) => i);
const additionalAuthenticatedData = new TextEncoder().encode('topic 1, DEK 1');
const caller = { member: 'serviceAccount:a', reason: 'CUSTOMER_INITIATED_ACCESS' } as const;

interface Bench {
  readonly service: RemoteKeyService;
  readonly clock: VirtualClock;
  readonly events: RemoteEvents;
  readonly changes: KeyChange[];
  readonly asked: string[];
  /** What the file with the token holds from now on. */
  readonly setToken: (token: string) => void;
  /** Exchanges that another, by its label, takes the place of. */
  readonly instead: Map<string, string>;
}

/** Plays what was recorded: a request that differs in one byte is not known to it. */
async function open(): Promise<Bench> {
  const instead = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const path = request.url?.replace('/v1/', '') ?? '';
      asked.push(`${request.method} ${path}`);
      const token = request.headers['x-vault-token'];
      const same = exchanges.find(
        (each) =>
          `${each.method} ${each.path} ${each.token} ${each.request ?? ''}` ===
          `${request.method} ${path} ${String(token)} ${body}`,
      );
      const given = instead.get(same?.label ?? '');
      const played = given === undefined ? same : exchanges.find(({ label }) => label === given);
      response.writeHead(played?.status ?? 418, { 'content-type': 'application/json' });
      response.end(played?.response ?? '{"errors":["this was not recorded"]}');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const clock = new VirtualClock();
  const tokenFile = join(privateDirectory(), 'token');
  let serial = 0;
  const setToken = (token: string): void =>
    writeFileSync(tokenFile, `${token}${'\n'.repeat(++serial)}`);
  setToken('good');
  const policy = { isLoopbackOnly: true, allow: [], ownListeners: () => [] };
  const outgoing = createOutgoingClient({ policy, clock, caFile: null });
  const events = new RemoteEvents();
  const service = openTransitKeyService({
    url: `http://127.0.0.1:${port}/transit`,
    outgoing,
    tokenFile,
    clock,
    entropy: new SeededEntropy(5),
    log: silentLogger,
    observer: events.observer,
  });
  const changes: KeyChange[] = [];
  service.onChange((change) => changes.push(change));
  onTestFinished(async () => {
    await service.drain();
    outgoing.close();
    server.close();
    server.closeAllConnections();
  });
  return { service, clock, events, changes, asked, setToken, instead };
}

const ciphertextOf = (label: string): Uint8Array => {
  const exchange = exchanges.find((each) => each.label === label)!;
  const { ciphertext } = JSON.parse(exchange.request ?? '') as { ciphertext: string };
  return new TextEncoder().encode(ciphertext);
};

const wrapOf = (key: string): Parameters<RemoteKeyService['encrypt']>[0] => ({
  name: name(key),
  plaintext,
  additionalAuthenticatedData,
});

describe('against what a real OpenBao answered', () => {
  test('a key is looked at before it wraps; the version is in the ciphertext', async () => {
    const { service, asked } = await open();
    const { name: version, ciphertext } = await service.encrypt(wrapOf('k'), caller);
    expect(version).toBe(`${name('k')}/cryptoKeyVersions/1`);
    expect(new TextDecoder().decode(ciphertext)).toMatch(/^vault:v1:/);
    const path = 'p.global.r.k';
    expect(asked).toEqual([`GET transit/keys/${path}`, `POST transit/encrypt/${path}`]);
    const opened = await service.decrypt(
      { name: name('k'), ciphertext, additionalAuthenticatedData },
      caller,
    );
    expect(opened).toEqual({ name: version, plaintext });
  });

  test('a key that is missing is NOT_FOUND, and is not made by wrapping with it', async () => {
    const { service, asked } = await open();
    expect(await refusalOf(service.encrypt(wrapOf('absent'), caller))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'KMS_RESOURCE_NOT_FOUND',
    });
    expect(asked).toEqual(['GET transit/keys/p.global.r.absent']);
  });

  test.each([
    ['derived', /type aes256-gcm96, derived/],
    ['rsa', /type rsa-2048/],
  ])('a key that is %s does not wrap: associated data would not be bound', async (key, text) => {
    const { service } = await open();
    const error = await refusalOf(service.encrypt(wrapOf(key), caller));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'TRANSIT_KEY_UNSUITABLE' });
    expect(error.message).toMatch(text);
  });

  test.each([
    [
      'decrypt with other associated data',
      'k',
      'another topic',
      'INVALID_ARGUMENT',
      'CIPHERTEXT_INVALID',
    ],
    ['decrypt under a key that is absent', 'absent', '', 'NOT_FOUND', 'KMS_RESOURCE_NOT_FOUND'],
    [
      'decrypt under a version that is not allowed any more',
      'old',
      '',
      'FAILED_PRECONDITION',
      'KEY_DISABLED',
    ],
    ['decrypt under a key that is soft-deleted', 'gone', '', 'FAILED_PRECONDITION', 'KEY_DISABLED'],
  ])('%s', async (label, key, other, code, reason) => {
    const { service } = await open();
    const request = {
      name: name(key),
      ciphertext: ciphertextOf(label),
      additionalAuthenticatedData:
        other === '' ? additionalAuthenticatedData : new TextEncoder().encode(other),
    };
    expect(await refusalOf(service.decrypt(request, caller))).toMatchObject({ code, reason });
  });

  test('the token file is read again when it changes; a token without permission is refused', async () => {
    const { service, setToken } = await open();
    await service.encrypt(wrapOf('k'), caller);
    setToken('bad');
    expect(await refusalOf(service.encrypt(wrapOf('k'), caller))).toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'KEY_USE_DENIED',
    });
    setToken('good');
    await service.encrypt(wrapOf('k'), caller);
  });

  test('one that is sealed is UNAVAILABLE, and is asked again within the second', async () => {
    const { service, setToken, events, clock } = await open();
    setToken('sealed');
    const ciphertext = ciphertextOf('sealed');
    const request = { name: name('k'), ciphertext, additionalAuthenticatedData };
    const answer = service.decrypt(request, caller);
    await events.until(1, 'retried', 'Decrypt', 'UNAVAILABLE');
    setToken('good');
    await clock.advance(25);
    expect((await answer).plaintext).toEqual(plaintext);
  });

  test('what no transit engine encrypted is refused without asking', async () => {
    const { service, asked } = await open();
    const ciphertext = new TextEncoder().encode('vault:v1:","x":"');
    const request = { name: name('k'), ciphertext, additionalAuthenticatedData };
    expect(await refusalOf(service.decrypt(request, caller))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(asked).toEqual([]);
  });
});

describe('a key in use is looked at every half minute', () => {
  test.each([
    ['soft-deleted', 'key that is soft-deleted', ['versionState']],
    ['gone', 'key that is absent', ['versionState']],
    ['withdrawn', 'token without permission', ['versionState']],
    [
      'rotated, its old version not allowed any more',
      'key whose first version is not allowed any more',
      ['versionState', 'primary'],
    ],
  ])('one that was %s is told of', async (_, label, kinds) => {
    const { service, clock, changes, instead, asked } = await open();
    await service.encrypt(wrapOf('k'), caller);
    await clock.advance(30_000);
    await expect.poll(() => asked.length).toBe(3);
    instead.set('key', label);
    const heard = async (): Promise<string[]> => {
      await clock.advance(1_000);
      return changes.map(({ kind }) => kind);
    };
    await expect.poll(heard, { timeout: 15_000, interval: 5 }).toEqual(kinds);
    expect(new Set(changes.map(({ resource }) => resource))).toEqual(new Set([name('k')]));
  });
});
