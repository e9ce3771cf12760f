import { afterEach, describe, expect, test } from 'vitest';

import { openKmsBench, ringName } from '../support/embedded-kms.ts';
import type { EkmBehaviour } from '../support/ekm-server/ekm-behaviour.ts';
import { EkmServer } from '../support/ekm-server/ekm-server.ts';
import { hourMs, KeyWatchBench, revisionOf, said } from '../support/key-watch-bench.ts';
import { operator } from '../support/operator-keys.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { hasOpenssl, makeTestCertificates } from '../support/test-certificates.ts';
import { externalProvider, KeyQuotas } from '../../src/kms/index.ts';
import { createEkmTransport, createOutgoingClient } from '../../src/outgoing/index.ts';
import { silentLogger, SystemClock } from '../../src/runtime/index.ts';
import type { EncryptionSettings } from '../../src/vault/services/service.ts';

const certificates = hasOpenssl ? makeTestCertificates() : null;
const key = `${ringName}/cryptoKeys/external`;
const version = `${key}/cryptoKeyVersions/1`;
const place = { project: 'p', key };
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const limits = { timeout: 15_000 };

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Opened {
  readonly ekm: EkmServer;
  readonly bench: KeyWatchBench;
  /** Uses a second that are left to the key's project; 0: no limit. */
  quota: number;
  readonly enable: () => Promise<unknown>;
}

/** A key at a real manager over TLS, under the embedded service, for a revision with `settings`. */
async function open(settings: Omit<EncryptionSettings, 'key'>): Promise<Opened> {
  const ekm = new EkmServer({ certificates: certificates! });
  await ekm.start();
  closers.push(() => ekm.stop());
  const policy = { isLoopbackOnly: true, allow: [], ownListeners: () => [] };
  const real = new SystemClock();
  const outgoing = createOutgoingClient({ policy, clock: real, caFile: certificates!.caFile });
  closers.push(() => outgoing.close());
  const external = externalProvider({
    transport: createEkmTransport(outgoing),
    hosts: ['127.0.0.1'],
    bearer: async () => 'token',
    deadlineMs: 30_000,
    clock: real,
    entropy: new SeededEntropy(5),
    log: silentLogger,
  });
  const quotas = {
    take: async (use: Parameters<KeyQuotas['take']>[0]): Promise<void> => {
      const perSecond = { HSM: 0, EXTERNAL: opened.quota };
      const counted = new KeyQuotas({ perSecond, clock: real, projectNumber: async () => '1' });
      // A bucket of one is empty after one use.
      if (opened.quota > 0) await counted.take(use);
      await counted.take(use);
    },
  };
  const { service, clock } = await openKmsBench({ providers: { external }, quotas });
  const bench = new KeyWatchBench(service, clock);
  const enable = (): Promise<unknown> =>
    service.updateVersion(version, { state: 'ENABLED' }, operator);
  const opened: Opened = { ekm, bench, quota: 0, enable };
  await service.createCryptoKey(
    {
      parent: ringName,
      id: 'external',
      purpose: 'ENCRYPT_DECRYPT',
      labels: {},
      versionTemplate: { protectionLevel: 'EXTERNAL' },
      skipInitialVersion: true,
    },
    operator,
  );
  const externalKeyUri = ekm.createKey('v0/key');
  await service.createVersion(key, { state: 'ENABLED', externalKeyUri }, operator);
  await service.updatePrimaryVersion(key, 1, operator);
  const agent = await service.runServiceAgent('p');
  await service.setIamPolicy(key, { bindings: [{ role, members: [agent] }] }, operator);
  await bench.open();
  closers.push(() => bench.close());
  await bench.revocations.add(revisionOf('s-0', { key, ...settings }));
  expect((await bench.watch.check(place)).condition).toBe('ENABLED');
  return opened;
}

const actions: readonly Omit<EncryptionSettings, 'key'>[] = [
  { action: 'prevent-new' },
  { action: 'shut-down', shutdownHours: 3 },
  {},
];

const retriable: readonly (readonly [string, EkmBehaviour, RegExp])[] = [
  ['is overloaded', { kind: 'status', status: 503 }, /reports that it is overloaded/],
  ['throttles', { kind: 'status', status: 429 }, /^Throttled when trying to access key URI\./],
  ['is behind a broken gateway', { kind: 'status', status: 502 }, /external networking error/],
];

const final: readonly (readonly [string, EkmBehaviour, RegExp])[] = [
  ['denies', { kind: 'deny' }, /^Permission was denied when accessing the key\. Key URI: https:/],
  ['does not know the key', { kind: 'status', status: 404 }, /^Could not find a key\./],
  ['fails', { kind: 'status', status: 500 }, /^External server error/],
  ['answers garbage', { kind: 'garbage' }, /^Got garbled or unusable response/],
];

describe.skipIf(!hasOpenssl)('an external key manager (openssl)', () => {
  describe.each(retriable)('that %s', (_name, behaviour, message) => {
    test.each(actions)('stops nothing with %j, and its text is in the log', async (settings) => {
      const { ekm, bench } = await open(settings);
      ekm.behaviour = behaviour;
      const state = await bench.watch.check(place);
      expect(said(state)).toBe('UNREACHABLE');
      expect(state.message).toMatch(message);
      await expect.poll(() => bench.target.notes, limits).toEqual([`WARNING ${state.message}`]);
      expect(bench.revocations.pending()).toEqual([]);
    });
  });

  describe.each(final)('that %s', (_name, behaviour, message) => {
    test.each(actions)('ends instances after the waiting period with %j', async (settings) => {
      const { ekm, bench } = await open(settings);
      const startMs = bench.clock.wallMs();
      ekm.behaviour = behaviour;
      expect((await bench.watch.check(place)).condition).toBe('REVOKED');
      await expect.poll(() => bench.target.notes[0], limits).toMatch(/^ERROR /);
      expect(bench.target.notes[0]!.slice('ERROR '.length)).toMatch(message);
      const waitMs = (settings.shutdownHours ?? 1) * hourMs;
      await expect
        .poll(() => bench.revocations.pending().map(({ deadlineMs }) => deadlineMs), limits)
        .toEqual([startMs + waitMs]);
      await bench.clock.advance(waitMs - 1);
      expect(bench.target.shutDown).toEqual([]);
      await bench.clock.advance(1);
      await expect.poll(() => bench.target.shutDown, limits).toEqual(['s-0']);
    });
  });

  test('that denied leaves its version disabled; the deadline of the denial stands', async () => {
    const { ekm, bench, enable } = await open({ action: 'prevent-new' });
    const startMs = bench.clock.wallMs();
    ekm.behaviour = { kind: 'deny' };
    await bench.watch.check(place);
    await expect.poll(() => bench.heard, limits).toContain('REVOKED external');
    expect(said(await bench.watch.check(place))).toBe('REVOKED disabled');
    const [pending] = bench.revocations.pending();
    expect(pending?.deadlineMs).toBe(startMs + hourMs);
    ekm.behaviour = { kind: 'honest' };
    await enable();
    await expect.poll(() => bench.revocations.pending(), limits).toEqual([]);
    expect(bench.target.notes.at(-1)).toMatch(/^INFO The shutdown of revision s-0 .* is cancelled/);
  });

  test('that gives back other bytes makes a key UNREACHABLE: nothing starts, no clock runs', async () => {
    const { ekm, bench } = await open({ action: 'shut-down', shutdownHours: 1 });
    ekm.behaviour = { kind: 'other key' };
    expect(said(await bench.watch.check(place))).toBe('UNREACHABLE');
    expect(bench.revocations.pending()).toEqual([]);
  });

  test.each(actions)('whose quota is used up stops nothing with %j', async (settings) => {
    const opened = await open(settings);
    const { bench } = opened;
    opened.quota = 1;
    const state = await bench.watch.check(place);
    expect(said(state)).toBe('THROTTLED');
    const message = `User's KMS operation quota has been exceeded. CMEK key: ${key}`;
    expect(state.message).toBe(message);
    await expect
      .poll(() => bench.target.notes, limits)
      .toEqual([`ERROR RESOURCE_EXHAUSTED: ${message}`]);
    expect(bench.revocations.pending()).toEqual([]);
    opened.quota = 0;
    expect(said(await bench.watch.check(place))).toBe('ENABLED');
  });
});
