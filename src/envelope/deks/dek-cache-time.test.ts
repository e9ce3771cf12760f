import { describe, expect, test } from 'vitest';

import { keyName, openScriptedBench, sealedTopic } from '../../../test/support/dek-bench.ts';
import { leastUseMs } from './dek-limits.ts';
import { touches } from './dek-topic.ts';

const topic = sealedTopic();

describe("the cache time of a key's owner (EKM allowed_cache_duration)", () => {
  test.each([20_000, 60_000, 300_000])('of %d ms bounds the life of a DEK', async (cacheMs) => {
    const { manager, keys, clock } = await openScriptedBench();
    keys.cacheMs = cacheMs;
    const dek = await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    await clock.advance(cacheMs - 1);
    expect(dek.isAlive).toBe(true);
    await clock.advance(1);
    expect(dek.isAlive).toBe(false);
    manager.close();
  });

  test('is renewed ahead while the DEK is in use, at six sevenths of it', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    keys.cacheMs = 70_000;
    const dek = await manager.forSeal(topic);
    const asked = keys.count('decrypt');
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000);
      expect(await manager.forSeal(topic)).toBe(dek);
    }
    expect(keys.count('decrypt') - asked).toBe(10);
    manager.close();
  });

  test('of an hour gives nobody more than seven minutes', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    keys.cacheMs = 3_600_000;
    const dek = await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    await clock.advance(7 * 60_000 - 1);
    expect(dek.isAlive).toBe(true);
    await clock.advance(1);
    expect(dek.isAlive).toBe(false);
    manager.close();
  });

  test('of nothing has every open ask again, all that come at once with one call', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    keys.cacheMs = 0;
    await manager.forSeal(topic);
    for (let open = 0; open < 5; open++) {
      await clock.advance(1_000);
      const asked = keys.count('decrypt');
      const opens = [1, 2, 3].map(() => Promise.resolve(manager.forOpen(topic, 1)));
      const deks = await Promise.all(opens);
      expect(keys.count('decrypt') - asked).toBe(1);
      expect(deks[0]!.isAlive).toBe(true);
      await clock.advance(leastUseMs);
      expect(deks[0]!.isAlive).toBe(false);
    }
    const asked = keys.count('decrypt');
    await clock.advance(3_600_000);
    // Nobody asks where nobody uses it, and no end of a life is a refusal.
    expect(keys.count('decrypt')).toBe(asked);
    expect(events).toEqual([]);
    manager.close();
  });

  test('may change from answer to answer', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    keys.cacheMs = 70_000;
    const dek = await manager.forSeal(topic);
    keys.cacheMs = 14_000;
    await clock.advance(30_000);
    await manager.forSeal(topic);
    await clock.advance(30_000);
    keys.fail('UNAVAILABLE');
    await clock.advance(14_000);
    expect(dek.isAlive).toBe(false);
    manager.close();
  });
});

describe('a resync', () => {
  test('takes nothing away before the answer does, and asks about every DEK', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    const deks = [];
    for (let id = 1; id <= 100; id++) deks.push(await manager.forSeal(sealedTopic(id)));
    const asked = keys.count('decrypt');
    keys.announce({ resource: '', kind: 'resync' });
    expect(deks.every(({ isAlive }) => isAlive)).toBe(true);
    await clock.settle();
    expect(keys.count('decrypt') - asked).toBe(100);
    expect(deks.every(({ isAlive }) => isAlive)).toBe(true);
    manager.close();
  });

  test('asks few at once', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    for (let id = 1; id <= 100; id++) await manager.forSeal(sealedTopic(id));
    let underWay = 0;
    let most = 0;
    keys.before = async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
    };
    keys.after = () => {
      underWay--;
    };
    keys.announce({ resource: '', kind: 'resync' });
    await clock.settle();
    expect(underWay).toBe(0);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(32);
    manager.close();
  });

  test('that finds a refusal evicts, and says so', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    keys.before = () => undefined;
    // Disabled while nobody could be told.
    keys.fail('PERMISSION_DENIED');
    keys.announce({ resource: '', kind: 'resync' });
    await clock.settle();
    expect(dek.isAlive).toBe(false);
    await clock.settle();
    await expect(manager.forSeal(topic)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await clock.settle();
    expect(events.map(({ kind }) => kind)).toEqual(['revoked']);
    keys.failure = { encrypt: null, decrypt: null };
    keys.announce({ resource: '', kind: 'resync' });
    await clock.settle();
    expect(events.map(({ kind }) => kind)).toEqual(['revoked', 'restored']);
    expect((await manager.forSeal(topic)).isAlive).toBe(true);
    manager.close();
  });

  test('that still cannot reach the service leaves a DEK its seventh minute', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    keys.announce({ resource: '', kind: 'resync' });
    await clock.advance(7 * 60_000 - 1);
    expect(dek.isAlive).toBe(true);
    manager.close();
  });
});

test.each([
  ['', keyName, true],
  ['projects/p', 'projects/p/locations/l/keyRings/r/cryptoKeys/k', true],
  ['projects/p', 'projects/p2/locations/l/keyRings/r/cryptoKeys/k', false],
  ['projects/p/locations/l/keyRings/r', 'projects/p/locations/l/keyRings/r2/cryptoKeys/k', false],
  [`${keyName}/cryptoKeyVersions/3`, keyName, true],
  [`${keyName}2/cryptoKeyVersions/3`, keyName, false],
  [keyName, `${keyName}2`, false],
])('a change of "%s" is about %s: %s', (resource, name, isAbout) => {
  expect(touches(resource, name)).toBe(isAbout);
});
