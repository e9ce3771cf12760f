import { expect, test } from 'vitest';
import { fingerprint, openScriptedBench, sealedTopic } from '../support/dek-bench.ts';

const minuteMs = 60_000;
const monthMinutes = 30 * 24 * 60;

test('a topic in use every minute of thirty days costs 120 Encrypt and 7,200 Decrypt calls', async () => {
  const { manager, keys, rows, clock } = await openScriptedBench();
  const topic = sealedTopic();
  const versions = new Set<number>();
  let coldCount = 0;
  for (let minute = 0; minute < monthMinutes; minute++) {
    if (minute > 0) await clock.advance(minuteMs);
    const sealing = manager.forSeal(topic);
    if (sealing instanceof Promise) coldCount++;
    const dek = await sealing;
    versions.add(dek.version);
    const opening = await manager.forOpen(topic, dek.version);
    expect(fingerprint(opening)).toBe(fingerprint(dek));
    // Each version seals for its own six hours, to the minute.
    expect(dek.version).toBe(Math.floor(minute / 360) + 1);
  }
  expect(coldCount).toBe(1);
  expect(versions.size).toBe(120);
  expect(keys.count('encrypt')).toBe(120);
  expect(keys.count('decrypt')).toBe(7_200);
  expect(await rows.list('dek/')).toHaveLength(120);
  manager.close();
  expect(clock.pendingCount).toBe(0);
});

test('any thirty days out of the middle of a longer run cost the same', async () => {
  const { manager, keys, clock } = await openScriptedBench();
  const topic = sealedTopic();
  const runMinutes = async (minutes: number): Promise<void> => {
    for (let minute = 0; minute < minutes; minute++) {
      const dek = await manager.forSeal(topic);
      await manager.forOpen(topic, dek.version);
      await clock.advance(minuteMs);
    }
  };
  await runMinutes(1_000);
  const before = { encrypt: keys.count('encrypt'), decrypt: keys.count('decrypt') };
  await runMinutes(monthMinutes);
  expect(keys.count('encrypt') - before.encrypt).toBe(120);
  expect(keys.count('decrypt') - before.decrypt).toBe(7_200);
  manager.close();
});

test('a topic that nobody uses costs nothing in a month', async () => {
  const { manager, keys, clock } = await openScriptedBench();
  const topic = sealedTopic();
  await manager.forSeal(topic);
  await clock.advance(30 * 24 * 3_600_000);
  expect(keys.count('encrypt')).toBe(1);
  expect(keys.count('decrypt')).toBe(1);
  manager.close();
});
