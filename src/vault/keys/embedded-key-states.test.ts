import { describe, expect, test } from 'vitest';

import { keyName, openKmsBench, ringName, versionOne } from '../../../test/support/embedded-kms.ts';
import { hourMs, KeyWatchBench, revisionOf, said } from '../../../test/support/key-watch-bench.ts';
import { operator, operatorOf } from '../../../test/support/operator-keys.ts';
import type { EmbeddedKeyService } from '../../kms/index.ts';
import type { EncryptionSettings } from '../services/service.ts';

const place = { project: 'p', key: keyName };
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

interface Opened {
  readonly service: EmbeddedKeyService;
  readonly bench: KeyWatchBench;
  readonly agent: string;
}

async function grant(service: EmbeddedKeyService, members: readonly string[]): Promise<void> {
  const bindings = members.length === 0 ? [] : [{ role, members: [...members] }];
  await service.setIamPolicy(keyName, { bindings }, operator);
}

/** The agent may use the key; a revision has `settings`, and the watch has found it good. */
async function open(settings: EncryptionSettings): Promise<Opened> {
  const { service, clock } = await openKmsBench();
  const agent = await service.runServiceAgent('p');
  await grant(service, [agent]);
  const bench = await new KeyWatchBench(service, clock).open();
  await bench.revocations.add(revisionOf('s-0', settings));
  expect((await bench.watch.state(place)).condition).toBe('ENABLED');
  await clock.settle(20);
  return { service, bench, agent };
}

interface Revocation {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly revoke: (opened: Opened) => Promise<unknown>;
  readonly restore?: (opened: Opened) => Promise<unknown>;
}

const revocations: readonly Revocation[] = [
  {
    name: 'disabled',
    state: 'REVOKED disabled',
    message: `User's CMEK key has been disabled. CMEK key: ${keyName}`,
    revoke: ({ service }) => operatorOf(service).versions.updateState(versionOne, 'DISABLED'),
    restore: ({ service }) => operatorOf(service).versions.updateState(versionOne, 'ENABLED'),
  },
  {
    name: 'scheduled for destruction',
    state: 'REVOKED scheduled',
    message: `User's CMEK key has been scheduled for deletion. CMEK Key: ${keyName}`,
    revoke: ({ service }) => service.destroyVersion(versionOne, false, operator),
    async restore({ service }) {
      await service.restoreVersion(versionOne, operator);
      await operatorOf(service).versions.updateState(versionOne, 'ENABLED');
    },
  },
  {
    name: 'without the permission',
    state: 'REVOKED denied',
    message:
      "User's service account does not have CMEK decrypter permission. Service account: AGENT",
    revoke: ({ service }) => grant(service, []),
    restore: ({ service, agent }) => grant(service, [agent]),
  },
];

const settings: readonly (readonly [string, EncryptionSettings, number | null])[] = [
  ['prevent-new', { key: keyName, action: 'prevent-new' }, null],
  ['shut-down after 3 hours', { key: keyName, action: 'shut-down', shutdownHours: 3 }, 3 * hourMs],
  ['nothing chosen', { key: keyName }, null],
];

describe.each(revocations)('a key that is $name', ({ state, message, revoke, restore }) => {
  test.each(settings)('is seen at once, and with %s does what was chosen', async (...row) => {
    const [, chosen, delayMs] = row;
    const opened = await open(chosen);
    const { bench, agent } = opened;
    const { clock, target } = bench;
    const text = message.replace('AGENT', agent.replace('serviceAccount:', ''));
    await revoke(opened);
    await clock.settle(30);
    expect(said(bench.watch.known(place)!)).toBe(state);
    expect(bench.watch.known(place)!.message).toBe(text);
    expect(target.notes[0]).toBe(`ERROR ${text}`);
    if (delayMs === null) {
      await clock.advance(4 * hourMs);
      expect(target).toMatchObject({ shutDown: [], notes: [`ERROR ${text}`] });
      return;
    }
    await clock.advance(delayMs - 1);
    expect(target.shutDown).toEqual([]);
    await clock.advance(1);
    expect(target.shutDown).toEqual(['s-0']);
  });

  test('works again at once when it is restored in time', async () => {
    const opened = await open({ key: keyName, action: 'shut-down', shutdownHours: 3 });
    const { bench } = opened;
    await revoke(opened);
    await bench.clock.advance(2 * hourMs);
    await restore!(opened);
    await bench.clock.settle(30);
    expect(bench.watch.known(place)?.condition).toBe('ENABLED');
    await bench.clock.advance(3 * hourMs);
    expect(bench.target.shutDown).toEqual([]);
  });
});

test('a key that is scheduled, then destroyed, keeps the deadline of its first refusal', async () => {
  const { service, clock } = await openKmsBench();
  const key = `${ringName}/cryptoKeys/brief`;
  const brief = { parent: ringName, id: 'brief', labels: {}, skipInitialVersion: false };
  await operatorOf(service).cryptoKeys.create({ ...brief, destroyScheduledSeconds: 86_400 });
  const members = [await service.runServiceAgent('p')];
  await service.setIamPolicy(key, { bindings: [{ role, members }] }, operator);
  const bench = await new KeyWatchBench(service, clock).open();
  const chosen = { key, action: 'shut-down', shutdownHours: 100 } as const;
  await bench.revocations.add(revisionOf('s-0', chosen));
  await clock.settle(20);
  const startMs = clock.wallMs();
  await service.destroyVersion(`${key}/cryptoKeyVersions/1`, false, operator);
  await clock.advance(25 * hourMs);
  expect(bench.watch.known({ project: 'p', key })).toMatchObject({
    cause: 'destroyed',
    sinceMs: startMs,
    causeSinceMs: startMs + 24 * hourMs,
    message: `User's CMEK key has been destroyed. CMEK key: ${key}`,
  });
  expect(bench.revocations.pending()[0]?.deadlineMs).toBe(startMs + 100 * hourMs);
});

test('a key that never was is denied, and says nothing else', async () => {
  const { bench, agent } = await open({ key: keyName });
  const key = `${ringName}/cryptoKeys/none`;
  const state = await bench.watch.check({ project: 'p', key });
  expect(said(state)).toBe('REVOKED denied');
  expect(state.message).toBe(
    `User's service account does not have CMEK decrypter permission. Service account: ${agent.slice('serviceAccount:'.length)}`,
  );
});

test('rotation changes the version that a key is good with', async () => {
  const { bench, service } = await open({ key: keyName });
  const { name } = await operatorOf(service).versions.create(keyName);
  await operatorOf(service).cryptoKeys.updatePrimaryVersion(keyName, 2);
  await bench.clock.settle(30);
  expect(bench.watch.known(place)).toMatchObject({ condition: 'ENABLED', keyVersion: name });
  // The first one is needed by nothing that is known, so its end changes nothing.
  await operatorOf(service).versions.updateState(versionOne, 'DISABLED');
  await bench.clock.settle(30);
  expect(bench.watch.known(place)?.condition).toBe('ENABLED');
});

test('the end of an older version that is needed is seen, and so is its restoration', async () => {
  const { service, clock } = await openKmsBench();
  await grant(service, [await service.runServiceAgent('p')]);
  const versionsOf = async (): Promise<string[]> => [versionOne];
  const bench = await new KeyWatchBench(service, clock, { versionsOf }).open();
  bench.watch.watch(place);
  await operatorOf(service).versions.create(keyName);
  await operatorOf(service).cryptoKeys.updatePrimaryVersion(keyName, 2);
  await operatorOf(service).versions.updateState(versionOne, 'DISABLED');
  await clock.settle(30);
  expect(said(bench.watch.known(place)!)).toBe('REVOKED disabled');
  await operatorOf(service).versions.updateState(versionOne, 'ENABLED');
  await clock.settle(30);
  expect(bench.watch.known(place)).toMatchObject({
    condition: 'ENABLED',
    keyVersion: `${keyName}/cryptoKeyVersions/2`,
  });
});
