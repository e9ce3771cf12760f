import { describe, expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import { decodeDekRow, dekRowKey } from './dek-row.ts';
import type { DekEvent } from '../index.ts';
import {
  fingerprint,
  keyName,
  openScriptedBench,
  sealedTopic,
} from '../../../test/support/dek-bench.ts';

const minuteMs = 60_000;
const topic = sealedTopic();

const event = (kind: DekEvent['kind']): DekEvent => ({
  topicName: topic.name,
  topicUid: topic.uid,
  kind,
});

describe('a pushed change of the key', () => {
  test('disabling kills every DEK under it in the same tick, then refuses, then says so', async () => {
    const { manager, keys, clock, events, settled } = await openScriptedBench();
    const other = await manager.forSeal(sealedTopic(2, `${keyName}-other`));
    const dek = await manager.forSeal(topic);
    keys.setEnabled(keyName, false);
    expect(dek.isAlive).toBe(false);
    expect(() => dek.segment(new Uint8Array(16))).toThrow('revoked');
    expect(other.isAlive).toBe(true);
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_VERSION_DISABLED',
    });
    await clock.settle();
    expect(events).toEqual([event('revoked')]);
  });

  test('disabling the key that a topic has moved to is told too, once', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const otherKey = `${keyName}-other`;
    const moved = { ...topic, kmsKeyName: otherKey };
    await manager.forSeal(topic);
    keys.setEnabled(keyName, false);
    await clock.settle();
    await manager.forSeal(moved);
    keys.setEnabled(otherKey, false);
    await clock.settle();
    expect(events).toEqual([event('revoked'), event('revoked')]);
    await clock.advance(60 * minuteMs);
    expect(events).toHaveLength(2);
    keys.setEnabled(otherKey, true);
    await clock.settle();
    keys.setEnabled(otherKey, false);
    await clock.settle();
    expect(events.map(({ kind }) => kind)).toEqual(['revoked', 'revoked', 'restored', 'revoked']);
  });

  test('enabling the key of old messages is told while the current key stays disabled', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const otherKey = `${keyName}-other`;
    const moved = { ...topic, kmsKeyName: otherKey };
    await manager.forSeal(topic);
    await manager.forSeal(moved);
    keys.setEnabled(keyName, false);
    keys.setEnabled(otherKey, false);
    await clock.advance(minuteMs);
    expect(events).toEqual([event('revoked')]);
    keys.setEnabled(keyName, true);
    await clock.settle();
    expect(events).toEqual([event('revoked'), event('restored')]);
    expect(manager.forOpen(moved, 1)).toMatchObject({ isAlive: true });
  });

  test('while an older DEK is refused it is asked about, also after the newest answered', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const otherKey = `${keyName}-other`;
    await manager.forSeal(topic);
    await manager.forSeal({ ...topic, kmsKeyName: otherKey });
    keys.setEnabled(keyName, false);
    keys.setEnabled(otherKey, false);
    await clock.advance(minuteMs);
    keys.setEnabled(otherKey, true);
    await clock.settle();
    expect(events.map(({ kind }) => kind)).toEqual(['revoked', 'restored']);
    const before = keys.calls.length;
    await clock.advance(10 * minuteMs);
    expect(keys.calls.slice(before).some(({ name }) => name === keyName)).toBe(true);
  });

  test('disabling a key that the topic has left kills the DEK under it, and is no revocation', async () => {
    const { manager, keys, clock, events, settled } = await openScriptedBench();
    const left = await manager.forSeal(topic);
    const moved = { ...topic, kmsKeyName: `${keyName}-other` };
    const current = await manager.forSeal(moved);
    let deathCount = 0;
    left.onDeath(() => deathCount++);
    keys.setEnabled(keyName, false);
    expect([left.isAlive, current.isAlive, deathCount]).toEqual([false, true, 1]);
    await clock.settle();
    await expect(settled(manager.forOpen(moved, 1))).rejects.toMatchObject({
      reason: 'KEY_VERSION_DISABLED',
    });
    expect(manager.forOpen(moved, 2)).toBe(current);
    expect(events).toEqual([]);
  });

  test('enabling serves again at once, the same key, and says so', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const before = fingerprint(await manager.forSeal(topic));
    keys.setEnabled(keyName, false);
    await clock.settle();
    await expect(manager.forSeal(topic)).rejects.toThrow();
    keys.setEnabled(keyName, true);
    expect(fingerprint(await manager.forSeal(topic))).toBe(before);
    expect(fingerprint(await manager.forOpen(topic, 1))).toBe(before);
    await clock.settle();
    expect(events).toEqual([event('revoked'), event('restored')]);
  });

  test.each([
    ['the key', keyName],
    ['a version of it', `${keyName}/cryptoKeyVersions/1`],
    ['its ring', 'projects/p/locations/global/keyRings/r'],
    ['its project', 'projects/p'],
  ])('a change of access on %s is noticed', async (_, resource) => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    keys.fail('PERMISSION_DENIED');
    keys.announce({ resource, kind: 'iam' });
    expect(dek.isAlive).toBe(false);
    await clock.settle();
    expect(events).toEqual([event('revoked')]);
  });

  test.each(['projects/p/locations/global/keyRings/r/cryptoKeys/k2', 'projects/pp'])(
    'a change of %s leaves the topic alone',
    async (resource) => {
      const { manager, keys } = await openScriptedBench();
      const dek = await manager.forSeal(topic);
      keys.announce({ resource, kind: 'versionState' });
      expect(dek.isAlive).toBe(true);
    },
  );

  test('a change that takes nothing away costs one unwrap and no event', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    await manager.forSeal(topic);
    keys.announce({ resource: keyName, kind: 'iam' });
    await clock.settle();
    expect(keys.count('decrypt')).toBe(2);
    expect(events).toEqual([]);
    expect(manager.forSeal(topic)).toMatchObject({ isAlive: true });
  });

  test('an unwrap whose answer was on its way when the key was disabled is thrown away', async () => {
    const { manager, keys, rows, clock } = await openScriptedBench();
    await manager.forSeal(topic);
    manager.close();
    const again = await openScriptedBench({ keys, rows, clock });
    const gate = Promise.withResolvers<void>();
    keys.after = () => gate.promise;
    const opening = again.settled(again.manager.forOpen(topic, 1));
    await clock.settle();
    keys.setEnabled(keyName, false);
    gate.resolve();
    await expect(opening).rejects.toMatchObject({ reason: 'KEY_VERSION_DISABLED' });
  });

  test('a refusal that was on its way when the key was enabled is not kept', async () => {
    const { manager, keys, rows, clock } = await openScriptedBench();
    await manager.forSeal(topic);
    manager.close();
    const again = await openScriptedBench({ keys, rows, clock });
    const gate = Promise.withResolvers<void>();
    const callCount = keys.calls.length;
    keys.before = async () => {
      const isFirst = keys.calls.length === callCount + 1;
      await gate.promise;
      // The answer is about the time of the call, before the role was given back.
      if (isFirst) throw new RpcError('PERMISSION_DENIED', 'LATE', 'late');
    };
    const opening = again.settled(again.manager.forOpen(topic, 1));
    await clock.settle();
    keys.announce({ resource: keyName, kind: 'iam' });
    gate.resolve();
    await expect(opening).resolves.toMatchObject({ version: 1, isAlive: true });
  });

  test('a DEK that was being made when the key was disabled is not stored', async () => {
    const { manager, keys, rows, clock, settled } = await openScriptedBench();
    const gate = Promise.withResolvers<void>();
    keys.after = (call) => (call.operation === 'decrypt' ? gate.promise : undefined);
    const sealing = settled(manager.forSeal(topic));
    await clock.settle();
    expect(keys.count('decrypt')).toBe(1);
    keys.setEnabled(keyName, false);
    gate.resolve();
    await expect(sealing).rejects.toMatchObject({ reason: 'KEY_VERSION_DISABLED' });
    expect(await rows.list('dek/')).toEqual([]);
  });

  test('a refusal to make a DEK that was on its way when the key was enabled is not kept', async () => {
    const { manager, keys, clock, settled } = await openScriptedBench();
    const gate = Promise.withResolvers<void>();
    keys.before = async () => {
      const isFirst = keys.calls.length === 1;
      await gate.promise;
      if (isFirst) throw new RpcError('PERMISSION_DENIED', 'LATE', 'late');
    };
    const sealing = settled(manager.forSeal(topic));
    await clock.settle();
    keys.announce({ resource: keyName, kind: 'iam' });
    gate.resolve();
    await expect(sealing).resolves.toMatchObject({ version: 1, isAlive: true });
  });

  test('a DEK that was being made when the primary version changed is made anew', async () => {
    const { manager, keys, rows, clock, settled } = await openScriptedBench();
    const gate = Promise.withResolvers<void>();
    keys.after = () => gate.promise;
    const sealing = settled(manager.forSeal(topic));
    await clock.settle();
    keys.rotate(keyName);
    gate.resolve();
    expect(await sealing).toMatchObject({ version: 1 });
    const row = decodeDekRow((await rows.get(dekRowKey(topic.uid, 1)))!.value);
    expect(row?.kekVersionName).toBe(`${keyName}/cryptoKeyVersions/2`);
  });
});

describe('answers of the key service', () => {
  test.each(['FAILED_PRECONDITION', 'PERMISSION_DENIED', 'NOT_FOUND', 'INVALID_ARGUMENT'] as const)(
    '%s at a refresh evicts at once',
    async (code) => {
      const { manager, keys, clock, events, settled } = await openScriptedBench();
      const dek = await manager.forSeal(topic);
      await clock.advance(minuteMs);
      await manager.forSeal(topic);
      keys.fail(code);
      await clock.advance(5 * minuteMs - 1);
      expect(dek.isAlive).toBe(true);
      await clock.advance(1);
      expect(dek.isAlive).toBe(false);
      expect(events).toEqual([event('revoked')]);
      await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        reason: `SCRIPTED_${code}`,
        message: `Cloud KMS error when using key ${keyName}: scripted ${code}`,
      });
    },
  );

  test('a refusal at a refresh kills a DEK that only opens, and no other', async () => {
    const { manager, keys, clock, events } = await openScriptedBench();
    const left = await manager.forSeal(topic);
    const moved = { ...topic, kmsKeyName: `${keyName}-other` };
    const current = await manager.forSeal(moved);
    let deathCount = 0;
    left.onDeath(() => deathCount++);
    await clock.advance(5 * minuteMs);
    await Promise.all([manager.forOpen(moved, 1), manager.forSeal(moved)]);
    keys.before = ({ name }) => {
      if (name === keyName) throw new RpcError('PERMISSION_DENIED', 'SCRIPTED', 'scripted');
    };
    await clock.advance(minuteMs);
    expect([left.isAlive, current.isAlive, deathCount]).toEqual([false, true, 1]);
    expect(events).toEqual([]);
  });

  test.each([
    'UNAVAILABLE',
    'DEADLINE_EXCEEDED',
    'RESOURCE_EXHAUSTED',
    'INTERNAL',
    'hang',
  ] as const)(
    'trap: an outage of 59 seconds (%s) is never noticed, whenever it begins',
    async (failure) => {
      for (const startMs of [5 * minuteMs, 6 * minuteMs - 1, 6 * minuteMs]) {
        const { manager, keys, clock, events } = await openScriptedBench();
        const dek = await manager.forSeal(topic);
        for (let atMs = 1_000; atMs < 10 * minuteMs; atMs += 1_000) {
          const isOut = atMs > startMs && atMs <= startMs + 59_000;
          if (keys.failure.decrypt !== (isOut ? failure : null)) keys.fail(isOut ? failure : null);
          await clock.advance(1_000);
          const current = manager.forSeal(topic);
          if (failure !== 'hang') expect(current).toBe(dek);
          expect(await current).toMatchObject({ version: 1 });
        }
        expect(events).toEqual([]);
        manager.close();
      }
    },
  );

  test('eight minutes of outage end in errors, and it recovers without help', async () => {
    const { manager, keys, clock, events, settled } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    for (let second = 0; second < 7 * 60; second += 10) {
      expect(manager.forSeal(topic)).toBe(dek);
      await clock.advance(10_000);
    }
    expect(dek.isAlive).toBe(false);
    await expect(settled(manager.forSeal(topic))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KMS_UNREACHABLE',
    });
    expect(events).toEqual([event('revoked')]);
    await clock.advance(minuteMs);
    keys.fail(null);
    await clock.advance(3 * minuteMs);
    expect(events).toEqual([event('revoked'), event('restored')]);
    expect(await settled(manager.forSeal(topic))).toMatchObject({ version: 1 });
  });

  test('a request that finds nothing warm rides out a short outage', async () => {
    const { manager, keys, clock, settled } = await openScriptedBench();
    keys.fail('UNAVAILABLE');
    const sealing = settled(manager.forSeal(topic));
    await clock.advance(1_000);
    keys.fail(null);
    expect(await sealing).toMatchObject({ version: 1 });
  });

  test('a refused DEK asks once a second at most, however many want it', async () => {
    const { manager, keys, clock, settled } = await openScriptedBench();
    await manager.forSeal(topic);
    keys.setEnabled(keyName, false);
    await clock.settle();
    const before = keys.calls.length;
    for (let tenth = 0; tenth < 100; tenth++) {
      for (const asked of [manager.forSeal(topic), manager.forOpen(topic, 1)]) {
        await expect(asked).rejects.toMatchObject({ reason: 'KEY_VERSION_DISABLED' });
      }
      await clock.advance(100);
    }
    expect(keys.calls.length - before).toBeLessThanOrEqual(11);
    keys.setEnabled(keyName, true);
    await expect(settled(manager.forSeal(topic))).resolves.toMatchObject({ isAlive: true });
  });

  test('a topic that cannot make its first DEK asks once a second at most', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    keys.fail('PERMISSION_DENIED');
    for (let tenth = 0; tenth < 100; tenth++) {
      await expect(manager.forSeal(topic)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      await clock.advance(100);
    }
    expect(keys.calls.length).toBeLessThanOrEqual(11);
    keys.fail(null);
    keys.announce({ resource: keyName, kind: 'iam' });
    expect(await manager.forSeal(topic)).toMatchObject({ version: 1 });
  });

  test('while nobody asks, a revoked topic is asked about ever more rarely', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    await manager.forSeal(topic);
    keys.setEnabled(keyName, false);
    await clock.advance(60 * minuteMs);
    // 1 s, 2 s, 4 s, … 256 s and then every five minutes.
    expect(keys.count('decrypt')).toBeLessThan(25);
    expect(keys.count('decrypt')).toBeGreaterThan(12);
  });
});
