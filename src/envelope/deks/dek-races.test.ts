import { expect, test } from 'vitest';

import { keyName, openScriptedBench, sealedTopic } from '../../../test/support/dek-bench.ts';
import { openMemoryKeyStore } from '../../storage/index.ts';
import type { Dek } from '../dek.ts';

const topic = sealedTopic();
const otherKey = `${keyName}-other`;
/** From an answer of the key service until nothing more comes of it, and some more. */
const turnsMax = 60;

/** Runs `task` so many turns of promises from now. */
async function afterTurns(turns: number, task: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  task();
}

test('whenever a key is disabled after its answer about a new DEK, it takes that with it', async () => {
  for (let turns = 0; turns < turnsMax; turns++) {
    const { manager, keys, clock } = await openScriptedBench();
    let isOrdered = false;
    keys.after = ({ operation }) => {
      if (operation !== 'decrypt' || isOrdered) return;
      isOrdered = true;
      void afterTurns(turns, () => keys.setEnabled(keyName, false));
    };
    const given: Dek[] = [];
    const asked = Promise.resolve(manager.forSeal(topic)).then(
      (dek) => given.push(dek),
      () => undefined,
    );
    await clock.advance(1_000);
    await asked;
    expect(isOrdered).toBe(true);
    const alive = given.filter((dek) => dek.isAlive);
    expect(alive, `disabled ${turns} turns after`).toEqual([]);
    manager.close();
  }
});

test('whenever a key is disabled after it proved a rewrap, it takes the DEK with it', async () => {
  for (let turns = 0; turns < turnsMax; turns++) {
    const { manager, keys, clock } = await openScriptedBench();
    const dek = await manager.forSeal(topic);
    let isOrdered = false;
    keys.after = ({ operation, name }) => {
      if (operation !== 'decrypt' || name !== otherKey || isOrdered) return;
      isOrdered = true;
      void afterTurns(turns, () => keys.setEnabled(otherKey, false));
    };
    await manager.rewrap(topic, 1, { keyName: otherKey, from: keyName, primary: null });
    await clock.advance(100);
    expect(isOrdered).toBe(true);
    expect(dek.isAlive, `disabled ${turns} turns after`).toBe(false);
    await expect(Promise.resolve(manager.forOpen(topic, 1))).rejects.toMatchObject({
      reason: 'KEY_VERSION_DISABLED',
    });
    manager.close();
  }
});

test('who reads a row while it is erased gets nothing that outlives it', async () => {
  const first = await openScriptedBench();
  await first.manager.forSeal(topic);
  first.manager.close();
  for (const isKnown of [false, true]) {
    for (let turns = 0; turns < turnsMax; turns++) {
      const rows = openMemoryKeyStore({ clock: first.clock });
      const [row] = await first.rows.list('dek/');
      await rows.txn([], [{ key: row!.key, value: row!.value }]);
      const { manager, clock } = await openScriptedBench({ rows, keys: first.keys });
      // The topic's DEKs are at work already, or not yet.
      if (isKnown) await Promise.resolve(manager.forOpen(topic, 9)).catch(() => undefined);
      const given: Dek[] = [];
      void afterTurns(turns, () => {
        void Promise.resolve(manager.forOpen(topic, 1)).then(
          (dek) => given.push(dek),
          () => undefined,
        );
      });
      const erased = await manager.erase(topic, [{ version: 1, sealedMessageCount: null }]);
      await clock.settle();
      // Whoever was reading it already keeps it.
      expect(await rows.list('dek/')).toHaveLength(1 - erased.length);
      if (turns > 0) expect(erased).toEqual([1]);
      const alive = given.filter((dek) => dek.isAlive);
      if (erased.length > 0) expect(alive, `asked ${turns} turns after`).toEqual([]);
      manager.close();
    }
  }
});
