import { expect, test } from 'vitest';

import {
  type DekBench,
  keyName,
  openDekBench,
  sealedTopic,
  testProviders,
} from '../../../test/support/dek-bench.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { RpcError } from '../../rpc/index.ts';
import { noFailpoints, silentLogger, type Entropy } from '../../runtime/index.ts';
import { openMemoryKeyStore } from '../../storage/index.ts';
import type { Dek, DekManager, SealedTopic } from '../dek.ts';
import { openDekManager } from '../dek-manager.ts';
import { drawnDelayMs, propagationLimitsMs } from './propagation-limits.ts';
import { SlowKeyService } from './slow-key-service.ts';

const minuteMs = 60_000;

/** Draws this part of every limit. */
const fixed = (part: number): Entropy => ({
  fill: (bytes) => bytes.fill(Math.floor(part * 255)),
});

interface Bench {
  readonly clock: VirtualClock;
  readonly keys: ScriptedKeyService;
  readonly manager: DekManager;
  /** Whether somebody who publishes, or opens the last message, gets a DEK, now. */
  readonly canPublish: (topic: SealedTopic) => Promise<boolean>;
  /** The reason of a refusal; empty: there was none. */
  readonly refusalOf: (topic: SealedTopic) => Promise<string>;
  readonly canOpen: (topic: SealedTopic, version?: number) => Promise<boolean>;
  readonly close: () => void;
}

async function openBench(part: number = 0.5): Promise<Bench> {
  const clock = new VirtualClock();
  const keys = new ScriptedKeyService();
  const slow = new SlowKeyService({ keys, clock, entropy: fixed(part) });
  const manager = await openDekManager({
    keys: slow,
    rows: openMemoryKeyStore({ clock }),
    providers: testProviders(),
    clock,
    entropy: lagEntropy(part),
    log: silentLogger,
    failpoints: noFailpoints,
    propagation: 'google',
  });
  const refusal = async (asked: () => Dek | Promise<Dek>): Promise<string> => {
    let reason: string | null = null;
    void Promise.resolve()
      .then(asked)
      .then(
        () => (reason = ''),
        (error: unknown) => (reason = (error as RpcError).reason),
      );
    for (let turn = 0; turn < 200 && reason === null; turn++) {
      await clock.settle();
      if (reason === null) await clock.advance(100);
    }
    return reason!;
  };
  const isGiven = async (asked: () => Dek | Promise<Dek>): Promise<boolean> =>
    (await refusal(asked)) === '';
  return {
    clock,
    keys,
    manager,
    canPublish: (topic) => isGiven(() => manager.forPublish(topic)),
    refusalOf: (topic) => refusal(() => manager.forPublish(topic)),
    canOpen: (topic, version = 1) => isGiven(() => manager.forOpen(topic, version)),
    close: () => {
      manager.close();
      slow.close();
    },
  };
}

/** Keys are really drawn; what is four bytes long is a delay. */
function lagEntropy(part: number): Entropy {
  const seeded = new SeededEntropy(11);
  return { fill: (bytes) => (bytes.length === 4 ? fixed(part) : seeded).fill(bytes) };
}

/** How long until `isSo`, in steps of a minute; somebody publishes and opens all the while. */
async function minutesUntil(bench: Bench, isSo: () => Promise<boolean>): Promise<number> {
  for (let minutes = 0; minutes <= 13 * 60; minutes++) {
    if (await isSo()) return minutes;
    await bench.clock.advance(minuteMs);
  }
  throw new Error('it does not come about');
}

test('delays are drawn evenly below their limit', () => {
  const entropy = new SeededEntropy(3);
  const delays = Array.from({ length: 2_000 }, () => drawnDelayMs(entropy, 1_000));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThan(1_000);
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  expect(mean).toBeGreaterThan(470);
  expect(mean).toBeLessThan(530);
});

test('"new topic key configured: up to 30 min"', async () => {
  const bench = await openBench();
  const other = sealedTopic(1, `${keyName}-too`);
  const topic: { kmsKeyName?: string } & SealedTopic = { ...sealedTopic() };
  const kekOf = async (): Promise<string> => {
    await bench.manager.forSeal(topic);
    return (await bench.manager.storedOf(topic)).at(-1)!.kekName;
  };
  expect(await kekOf()).toBe(keyName);
  topic.kmsKeyName = other.kmsKeyName!;
  const minutes = await minutesUntil(bench, async () => (await kekOf()) === other.kmsKeyName);
  expect(minutes).toBe(15);
  // A topic that sealed nothing yet begins with its key at once.
  await bench.manager.forSeal(sealedTopic(7, `${keyName}-third`));
  expect((await bench.manager.storedOf(sealedTopic(7)))[0]!.kekName).toBe(`${keyName}-third`);
  bench.close();
});

test('"key version rotated: up to 12 h"', async () => {
  const bench = await openBench();
  const topic = sealedTopic();
  const newest = async (): Promise<string> => {
    await bench.manager.forPublish(topic);
    return (await bench.manager.storedOf(topic)).at(-1)!.kekVersionName;
  };
  await newest();
  bench.keys.rotate(keyName);
  const minutes = await minutesUntil(bench, async () => (await newest()).endsWith('/2'));
  expect(minutes).toBeGreaterThanOrEqual(5.9 * 60);
  expect(minutes).toBeLessThanOrEqual(12 * 60);
  bench.close();
});

test('"key disabled: up to cache 6 min + KMS 1 min"', async () => {
  const bench = await openBench();
  const topic = sealedTopic();
  await bench.manager.forPublish(topic);
  bench.keys.setEnabled(keyName, false);
  await bench.clock.settle();
  // Nobody has noticed yet; what is warm stays warm.
  expect(await bench.canPublish(topic)).toBe(true);
  const minutes = await minutesUntil(bench, async () => !(await bench.canPublish(topic)));
  expect(minutes).toBeGreaterThanOrEqual(5);
  expect(minutes).toBeLessThanOrEqual(7);
  expect(await bench.canOpen(topic)).toBe(false);
  bench.close();
});

test('a refusal that Cloud KMS cannot know of yet is an outage', async () => {
  const bench = await openBench();
  await bench.manager.forPublish(sealedTopic());
  bench.keys.setEnabled(keyName, false);
  expect(await bench.refusalOf(sealedTopic(2))).toBe('KMS_UNREACHABLE');
  await bench.clock.advance(minuteMs);
  expect(await bench.refusalOf(sealedTopic(3))).toBe('KEY_VERSION_DISABLED');
  bench.close();
});

test('"key re-enabled: publish <= 12 h, delivery <= 2 h"', async () => {
  const bench = await openBench();
  const topic = sealedTopic();
  await bench.manager.forPublish(topic);
  bench.keys.setEnabled(keyName, false);
  await minutesUntil(bench, async () => !(await bench.canPublish(topic)));
  bench.keys.setEnabled(keyName, true);
  const toDelivery = await minutesUntil(bench, () => bench.canOpen(topic));
  expect(toDelivery).toBeGreaterThanOrEqual(55);
  expect(toDelivery).toBeLessThanOrEqual(2 * 60);
  expect(await bench.canPublish(topic)).toBe(false);
  const toPublish = toDelivery + (await minutesUntil(bench, () => bench.canPublish(topic)));
  expect(toPublish).toBeGreaterThan(toDelivery);
  expect(toPublish).toBeLessThanOrEqual(12 * 60);
  bench.close();
}, 60_000);

test('a key that never worked is not kept waiting once it does', async () => {
  const bench = await openBench();
  bench.keys.fail('PERMISSION_DENIED');
  expect(await bench.canPublish(sealedTopic())).toBe(false);
  bench.keys.failure = { encrypt: null, decrypt: null };
  bench.keys.announce({ resource: keyName, kind: 'iam' });
  await bench.clock.advance(propagationLimitsMs.iam);
  expect(await bench.canPublish(sealedTopic())).toBe(true);
  bench.close();
});

test('the policy of a key is known everywhere within two minutes', async () => {
  const bench = await openBench();
  const topic = sealedTopic();
  await bench.manager.forPublish(topic);
  bench.keys.fail('PERMISSION_DENIED');
  bench.keys.announce({ resource: keyName, kind: 'iam' });
  await bench.clock.settle();
  expect(await bench.canPublish(topic)).toBe(true);
  await bench.clock.advance(propagationLimitsMs.iam);
  await bench.clock.settle();
  expect(await bench.canPublish(topic)).toBe(false);
  bench.close();
});

test('without it all of this is at once', async () => {
  const bench: DekBench<ScriptedKeyService> = await openDekBench({
    keys: new ScriptedKeyService(),
  });
  const dek = await bench.manager.forPublish(sealedTopic());
  bench.keys.setEnabled(keyName, false);
  expect(dek.isAlive).toBe(false);
  await expect(bench.settled(bench.manager.forPublish(sealedTopic()))).rejects.toMatchObject({
    reason: 'KEY_VERSION_DISABLED',
  });
  bench.keys.setEnabled(keyName, true);
  await bench.clock.settle();
  expect((await bench.manager.forPublish(sealedTopic())).isAlive).toBe(true);
  bench.manager.close();
});
