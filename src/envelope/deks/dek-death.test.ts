import { describe, expect, test } from 'vitest';
import type { Dek } from '../index.ts';
import {
  type DekBench,
  keyName,
  openScriptedBench,
  sealedTopic,
} from '../../../test/support/dek-bench.ts';
import type { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';

const minuteMs = 60_000;
const topic = sealedTopic();

/** Whether the handle was alive, each time that it told of its death. */
function deathsOf(dek: Dek): boolean[] {
  const deaths: boolean[] = [];
  dek.onDeath(() => deaths.push(dek.isAlive));
  return deaths;
}

describe('the end of a handle is told once, in the tick of its death', () => {
  type Bench = DekBench<ScriptedKeyService>;
  test.each<[string, (bench: Bench) => unknown]>([
    ['its key is disabled', ({ keys }) => keys.setEnabled(keyName, false)],
    ['access to its key changed', ({ keys }) => keys.announce({ resource: keyName, kind: 'iam' })],
    ['its topic is forgotten', ({ manager }) => void manager.forget(topic)],
    ['the manager is closed', ({ manager }) => manager.close()],
  ])('when %s', async (_, end) => {
    const bench = await openScriptedBench();
    const deaths = deathsOf(await bench.manager.forSeal(topic));
    end(bench);
    expect(deaths).toEqual([false]);
    await bench.clock.advance(20 * minuteMs);
    expect(deaths).toEqual([false]);
  });

  test('when it was idle for seven minutes', async () => {
    const { manager, clock } = await openScriptedBench();
    const deaths = deathsOf(await manager.forSeal(topic));
    await clock.advance(7 * minuteMs - 1);
    expect(deaths).toEqual([]);
    await clock.advance(1);
    expect(deaths).toEqual([false]);
  });

  test('when the key service refuses it at a refresh', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    const deaths = deathsOf(await manager.forSeal(topic));
    await clock.advance(minuteMs);
    await manager.forSeal(topic);
    keys.fail('PERMISSION_DENIED');
    await clock.advance(5 * minuteMs);
    expect(deaths).toEqual([false]);
  });

  test('when the key service was out of reach for too long', async () => {
    const { manager, keys, clock } = await openScriptedBench();
    const deaths = deathsOf(await manager.forSeal(topic));
    await clock.advance(minuteMs);
    await manager.forSeal(topic);
    keys.fail('UNAVAILABLE');
    await clock.advance(6 * minuteMs);
    expect(deaths).toEqual([false]);
  });
});

test('a handle that is confirmed says nothing, and dies later', async () => {
  const { manager, clock } = await openScriptedBench();
  const deaths = deathsOf(await manager.forSeal(topic));
  await clock.advance(minuteMs);
  await manager.forSeal(topic);
  await clock.advance(7 * minuteMs);
  expect(deaths).toEqual([]);
  await clock.advance(20 * minuteMs);
  expect(deaths).toEqual([false]);
});

test('one that is taken back does not run, and the others do', async () => {
  const { manager, keys } = await openScriptedBench();
  const dek = await manager.forSeal(topic);
  let count = 0;
  const count1 = (): void => void count++;
  dek.onDeath(count1);
  const takeBack = dek.onDeath(count1);
  takeBack();
  takeBack();
  keys.setEnabled(keyName, false);
  expect(count).toBe(1);
});

test('a handle that is dead already tells at once', async () => {
  const { manager, keys } = await openScriptedBench();
  const dek = await manager.forSeal(topic);
  keys.setEnabled(keyName, false);
  expect(deathsOf(dek)).toEqual([false]);
});
