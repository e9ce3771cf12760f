import { describe, expect, test } from 'vitest';
import {
  keyName,
  type KmsBench,
  openKmsBench,
  ringName,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { RpcError } from '../../rpc/index.ts';
import type { EmbeddedKeyService } from '../embedded-key-service.ts';
import type { KeyChange } from '../key-service.ts';
import type { KeyProvider, Material } from '../providers/key-provider.ts';

const dayMs = 24 * 3_600_000;
const periodSeconds = 90 * 86_400;

async function pass({ clock, service }: KmsBench, ms: number): Promise<void> {
  await clock.advance(ms);
  await service.lifecycle.idle();
}

async function planRotation({ service, clock }: KmsBench, inMs: number): Promise<number> {
  const nextRotationTimeMs = clock.wallMs() + inMs;
  await service.updateCryptoKey(
    keyName,
    { nextRotationTimeMs, rotationPeriodSeconds: periodSeconds },
    ['next_rotation_time', 'rotation_period'],
    operator,
  );
  return nextRotationTimeMs;
}

async function primaryOf(service: EmbeddedKeyService): Promise<string> {
  const { primary } = await service.getCryptoKey(keyName, operator);
  return primary?.name.split('/').at(-1) ?? 'none';
}

async function stateOf(service: EmbeddedKeyService): Promise<string> {
  return (await service.getVersion(versionOne, operator)).state;
}

describe('rotation', () => {
  test('makes a new version primary at its time, and plans the next one period later', async () => {
    const bench = await openKmsBench();
    const changes: KeyChange[] = [];
    bench.service.onChange((change) => changes.push(change));
    const firstMs = await planRotation(bench, dayMs);
    await pass(bench, dayMs - 1);
    expect(await primaryOf(bench.service)).toBe('1');
    await pass(bench, 1);
    expect(await primaryOf(bench.service)).toBe('2');
    expect(changes).toEqual([{ resource: keyName, kind: 'primary' }]);
    const key = await bench.service.getCryptoKey(keyName, operator);
    expect(key.nextRotationTimeMs).toBe(firstMs + periodSeconds * 1000);
    await pass(bench, periodSeconds * 1000);
    expect(await primaryOf(bench.service)).toBe('3');
  });

  test('by hand does not move it', async () => {
    const bench = await openKmsBench();
    const nextMs = await planRotation(bench, dayMs);
    await bench.service.createVersion(keyName, { state: 'ENABLED' }, operator);
    await bench.service.updatePrimaryVersion(keyName, 2, operator);
    const key = await bench.service.getCryptoKey(keyName, operator);
    expect(key.nextRotationTimeMs).toBe(nextMs);
    await pass(bench, dayMs);
    expect(await primaryOf(bench.service)).toBe('3');
  });

  test('that was missed several times is made up for by one, at the next start', async () => {
    const bench = await openKmsBench();
    const firstMs = await planRotation(bench, dayMs);
    await bench.service.close();
    await bench.clock.advance(dayMs + 3.5 * periodSeconds * 1000);
    const service = await bench.restart();
    expect(await primaryOf(service)).toBe('2');
    const key = await service.getCryptoKey(keyName, operator);
    expect(key.nextRotationTimeMs).toBe(firstMs + 4 * periodSeconds * 1000);
  });

  test('is planned no more once its schedule is removed', async () => {
    const bench = await openKmsBench();
    await planRotation(bench, dayMs);
    const fields = ['next_rotation_time', 'rotation_period'] as const;
    await bench.service.updateCryptoKey(keyName, {}, fields, operator);
    await pass(bench, 2 * dayMs);
    expect(await primaryOf(bench.service)).toBe('1');
    expect(bench.clock.pendingCount).toBe(0);
  });

  test('that fails is tried again within a minute or two', async () => {
    const bench = await openKmsBench();
    await planRotation(bench, dayMs);
    await bench.clock.advance(dayMs - 1);
    bench.faults.next('io');
    await pass(bench, 1);
    expect(await primaryOf(bench.service)).toBe('1');
    await pass(bench, 120_000);
    expect(await primaryOf(bench.service)).toBe('2');
  });

  test('keeps its time if a change of it does not land', async () => {
    const bench = await openKmsBench();
    await planRotation(bench, dayMs);
    bench.audit.isAway = true;
    await bench.service.updateVersion(versionOne, { state: 'DISABLED' }, operator);
    await expect(planRotation(bench, 50 * dayMs)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    bench.audit.isAway = false;
    await pass(bench, dayMs);
    expect(await primaryOf(bench.service)).toBe('2');
  });
});

test('a close ends what is under way and begins nothing else that is due', async () => {
  const bench = await openKmsBench();
  for (const id of ['a', 'b', 'c', 'd']) {
    await bench.service.createCryptoKey(
      {
        parent: ringName,
        id,
        purpose: 'ENCRYPT_DECRYPT',
        labels: {},
        versionTemplate: { protectionLevel: 'SOFTWARE' },
        skipInitialVersion: false,
        nextRotationTimeMs: bench.clock.wallMs() + dayMs,
        rotationPeriodSeconds: periodSeconds,
      },
      operator,
    );
  }
  let closed: Promise<void> | undefined;
  bench.service.onChange(() => {
    closed ??= bench.service.close();
  });
  await pass(bench, dayMs);
  await closed;
  const rotated = bench.audit.entries.filter(({ kind }) => kind === 'system_event');
  expect(rotated).toHaveLength(1);
  const service = await bench.restart();
  const { items } = await service.listCryptoKeys(
    ringName,
    { pageSize: 0, pageToken: '' },
    operator,
  );
  const primaries = items.map(({ primary }) => primary?.name.split('/').at(-1));
  expect(primaries.filter((number) => number === '2')).toHaveLength(4);
});

describe('destruction', () => {
  test('that came due while nobody ran is done at the start', async () => {
    const bench = await openKmsBench();
    await bench.service.destroyVersion(versionOne, false, operator);
    await bench.service.close();
    await bench.clock.advance(31 * dayMs);
    expect(await stateOf(await bench.restart())).toBe('DESTROYED');
  });

  test('is found again by a restart before its time, and waits for it', async () => {
    const bench = await openKmsBench();
    await bench.service.destroyVersion(versionOne, false, operator);
    await bench.clock.advance(10 * dayMs);
    const service = await bench.restart();
    await pass({ ...bench, service }, 20 * dayMs - 1);
    expect(await stateOf(service)).toBe('DESTROY_SCHEDULED');
    await pass({ ...bench, service }, 1);
    expect(await stateOf(service)).toBe('DESTROYED');
  });

  test('follows the wall clock: a step forth brings it on, a step back puts it off', async () => {
    const bench = await openKmsBench();
    await bench.service.destroyVersion(versionOne, false, operator);
    bench.clock.stepWall(-10 * dayMs);
    await pass(bench, 30 * dayMs);
    expect(await stateOf(bench.service)).toBe('DESTROY_SCHEDULED');
    bench.clock.stepWall(10 * dayMs);
    await pass(bench, 60_000);
    expect(await stateOf(bench.service)).toBe('DESTROYED');
  });

  test('a restored version is not destroyed by the time that it once had', async () => {
    const bench = await openKmsBench();
    await bench.service.destroyVersion(versionOne, false, operator);
    await pass(bench, dayMs);
    await bench.service.restoreVersion(versionOne, operator);
    await bench.service.destroyVersion(versionOne, false, operator);
    await pass(bench, 29 * dayMs);
    expect(await stateOf(bench.service)).toBe('DESTROY_SCHEDULED');
    await pass(bench, dayMs);
    expect(await stateOf(bench.service)).toBe('DESTROYED');
  });

  test('of an HSM key removes the object, as often as it takes, across restarts', async () => {
    const destroyed: Material[] = [];
    let isAway = true;
    const hsm: KeyProvider = {
      level: 'HSM',
      inputBytesMax: 8192,
      limitIsTogether: true,
      generate: async () => ({ id: 'object-1' }),
      seal: async (_, plaintext) => plaintext,
      unseal: async (_, plaintext) => ({ plaintext }),
      async destroy(material) {
        if (isAway) throw new RpcError('UNAVAILABLE', 'HSM_UNAVAILABLE', 'planned');
        destroyed.push(material);
      },
    };
    const bench = await openKmsBench({ providers: { hsm } });
    const key = {
      parent: keyName.slice(0, keyName.lastIndexOf('/cryptoKeys')),
      id: 'hsm',
      purpose: 'ENCRYPT_DECRYPT',
      labels: {},
      versionTemplate: { protectionLevel: 'HSM' },
      destroyScheduledSeconds: 86_400,
      skipInitialVersion: false,
    } as const;
    const { name } = await bench.service.createCryptoKey(key, operator);
    const version = `${name}/cryptoKeyVersions/1`;
    await bench.service.destroyVersion(version, false, operator);
    await pass(bench, dayMs);
    // DESTROYED for every caller at once; the object is gone when the token can be reached.
    expect((await bench.service.getVersion(version, operator)).state).toBe('DESTROYED');
    expect(destroyed).toEqual([]);
    const service = await bench.restart();
    expect(destroyed).toEqual([]);
    isAway = false;
    await pass({ ...bench, service }, 60_000);
    expect(destroyed).toEqual([{ id: 'object-1' }]);
    await pass({ ...bench, service }, dayMs);
    expect(destroyed).toHaveLength(1);
  });

  test('is followed by a compaction of the key environment, made up for after a crash', async () => {
    const bench = await openKmsBench();
    let compactions = 0;
    let isFailing = true;
    const { keyStore } = bench;
    const counted = {
      get: keyStore.get.bind(keyStore),
      list: keyStore.list.bind(keyStore),
      txn: keyStore.txn.bind(keyStore),
      close: keyStore.close.bind(keyStore),
      async compact() {
        if (isFailing) throw new Error('planned');
        compactions++;
      },
    };
    const service = await bench.restart({ keyStore: counted });
    await service.destroyVersion(versionOne, false, operator);
    await pass({ ...bench, service }, 30 * dayMs);
    expect(await stateOf(service)).toBe('DESTROYED');
    expect(compactions).toBe(0);
    isFailing = false;
    await service.close();
    await bench.restart({ keyStore: counted });
    expect(compactions).toBe(1);
    await bench.restart({ keyStore: counted });
    expect(compactions).toBe(1);
  });
});

test('a damaged key keeps no other from being destroyed, nor the service from starting', async () => {
  const bench = await openKmsBench();
  await bench.service.createVersion(keyName, { state: 'ENABLED' }, operator);
  await bench.service.destroyVersion(versionOne, false, operator);
  const row = `kms/version/${keyName}/0000000002`;
  await bench.keyStore.txn([], [{ key: row, value: new Uint8Array(100) }]);
  await bench.service.close();
  await bench.clock.advance(31 * dayMs);
  const service = await bench.restart();
  expect(await stateOf(service)).toBe('DESTROYED');
  const damaged = service.getVersion(`${keyName}/cryptoKeyVersions/2`, operator);
  await expect(damaged).rejects.toMatchObject({ code: 'DATA_LOSS' });
});

test('with nothing to wait for no timer runs, and none after the end', async () => {
  const bench = await openKmsBench();
  expect(bench.clock.pendingCount).toBe(0);
  await bench.service.destroyVersion(versionOne, false, operator);
  expect(bench.clock.pendingCount).toBe(1);
  await bench.service.close();
  expect(bench.clock.pendingCount).toBe(0);
});

test('a token keeps no key of a version that was not stored', async () => {
  const kept = new Set<string>();
  let made = 0;
  const hsm: KeyProvider = {
    level: 'HSM',
    inputBytesMax: 8192,
    limitIsTogether: true,
    generate: async () => {
      const id = `object-${++made}`;
      kept.add(id);
      return { id };
    },
    seal: async (_, plaintext) => plaintext,
    unseal: async (_, plaintext) => ({ plaintext }),
    destroy: async ({ id }) => void kept.delete(id!),
  };
  const bench = await openKmsBench({ providers: { hsm } });
  const { service, faults } = bench;
  const create = () =>
    service.createCryptoKey(
      {
        parent: ringName,
        id: 'hsm',
        purpose: 'ENCRYPT_DECRYPT',
        labels: {},
        versionTemplate: { protectionLevel: 'HSM' },
        skipInitialVersion: false,
      },
      operator,
    );
  const { name } = await create();
  await expect(create()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect([...kept]).toEqual(['object-1']);
  faults.next('full');
  const version = { state: 'ENABLED' } as const;
  await expect(service.createVersion(name, version, operator)).rejects.toThrow('full');
  expect([...kept]).toEqual(['object-1']);
  faults.next('conflict');
  await service.createVersion(name, version, operator);
  expect(kept.size).toBe(2);
  expect(made).toBe(5);
});
