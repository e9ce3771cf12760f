import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import {
  type DekBench,
  fingerprint,
  keyName,
  openScriptedBench,
  sealedTopic,
  testProviders,
} from '../../../test/support/dek-bench.ts';
import { ScriptedKeyService } from '../../../test/support/scripted-key-service.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { type FailpointName, silentLogger } from '../../runtime/index.ts';
import { type KeyStore, openMemoryKeyStore } from '../../storage/index.ts';
import type { DekManager } from '../dek.ts';
import { openDekManager } from '../dek-manager.ts';
import type { ErasureReceipt } from './dek-receipt.ts';
import { decodeDekRow } from './dek-row.ts';

const topic = sealedTopic();
const hourMs = 3_600_000;
const nobodyKnows = null;

/** Ends the life of a process at a failpoint. */
class Crash extends Error {}

/** A manager over rows that outlive it, and everything that the journal was ever told. */
interface Bench {
  readonly clock: VirtualClock;
  readonly keys: ScriptedKeyService;
  readonly rows: KeyStore;
  readonly receipts: { readonly receipt: ErasureReceipt; readonly id: string }[];
  readonly open: (failpoint?: FailpointName) => Promise<DekManager>;
  isJournalAway: boolean;
  compactionCount: number;
}

function openBench(): Bench {
  const clock = new VirtualClock();
  const keys = new ScriptedKeyService();
  const inner = openMemoryKeyStore({ clock });
  const rows: KeyStore = {
    get: (key) => inner.get(key),
    list: (prefix, options) => inner.list(prefix, options),
    txn: (checks, puts) => inner.txn(checks, puts),
    close: () => inner.close(),
    compact: async () => {
      bench.compactionCount++;
      await inner.compact();
    },
  };
  const open = (failpoint?: FailpointName): Promise<DekManager> => {
    let isDead = false;
    return openDekManager({
      keys,
      rows,
      providers: testProviders(),
      clock,
      entropy: new SeededEntropy(5),
      log: silentLogger,
      failpoints: (name) => {
        if (name !== failpoint || isDead) return;
        isDead = true;
        throw new Crash(name);
      },
      journal: {
        erased: async (receipt, id) => {
          if (bench.isJournalAway) throw new Error('away');
          bench.receipts.push({ receipt, id });
        },
      },
    });
  };
  const bench: Bench = {
    clock,
    keys,
    rows,
    receipts: [],
    open,
    isJournalAway: false,
    compactionCount: 0,
  };
  return bench;
}

const versions = async (rows: KeyStore): Promise<number[]> =>
  (await rows.list('dek/')).map(({ key }) => Number(key.slice(-10)));

/** Three DEKs, of which the third seals. */
async function withThree(bench: Bench, manager: DekManager): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await manager.forSeal(topic);
    await bench.clock.advance(7 * hourMs);
  }
  await manager.forSeal(topic);
  expect(await versions(bench.rows)).toEqual([1, 2, 3, 4]);
}

const spent = (version: number) => ({ version, sealedMessageCount: 7 });

describe('an erasure', () => {
  test('leaves a receipt after the compaction, and not before', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    const [first] = await bench.rows.list('dek/');
    const row = decodeDekRow(first!.value)!;
    expect(await manager.erase(topic, [spent(1)])).toEqual([1]);
    const eraseTimeMs = bench.clock.wallMs();
    expect(await versions(bench.rows)).toEqual([2, 3, 4]);
    expect(bench.receipts).toEqual([]);
    await bench.clock.advance(1_000);
    await bench.clock.settle();
    expect(bench.compactionCount).toBe(1);
    expect(bench.receipts.map(({ receipt }) => receipt)).toEqual([
      {
        topicName: topic.name,
        topicUid: Buffer.from(topic.uid).toString('hex'),
        dekVersion: 1,
        kekVersionName: `${keyName}/cryptoKeyVersions/1`,
        wrappedSha256: createHash('sha256').update(row.wrapped).digest('hex'),
        createTimeMs: row.createTimeMs,
        eraseTimeMs,
        sealedMessageCount: 7,
        reason: 'NO_MESSAGES_LEFT',
      },
    ]);
    expect(await bench.rows.list('dek-')).toEqual([]);
    manager.close();
  });

  test('spares the DEK that seals, whoever asks', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    expect(await manager.erase(topic, [spent(3), spent(4)])).toEqual([3]);
    expect(await versions(bench.rows)).toEqual([1, 2, 4]);
    manager.close();
  });

  test('takes the key from whoever holds it, in the same tick', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    const held = await manager.forOpen(topic, 2);
    const erasing = manager.erase(topic, [spent(2)]);
    expect(held.isAlive).toBe(false);
    await erasing;
    await expect(manager.forOpen(topic, 2)).rejects.toMatchObject({ reason: 'DEK_ROW_DAMAGED' });
    manager.close();
  });

  test('of a whole topic has a receipt for each DEK', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    await manager.forget(topic);
    await bench.clock.advance(1_000);
    await bench.clock.settle();
    expect(bench.receipts.map(({ receipt }) => receipt.dekVersion)).toEqual([1, 2, 3, 4]);
    expect(bench.receipts[0]!.receipt.sealedMessageCount).toBe(nobodyKnows);
    expect(bench.receipts[0]!.receipt.reason).toBe('TOPIC_DELETED');
    manager.close();
  });

  test('a journal that is away is told later, and once', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    bench.isJournalAway = true;
    await manager.erase(topic, [spent(1), spent(2)]);
    await bench.clock.advance(5 * 60_000);
    expect(await bench.rows.list('dek-receipt/')).toHaveLength(2);
    bench.isJournalAway = false;
    await bench.clock.advance(60_000);
    await bench.clock.settle();
    expect(bench.receipts.map(({ receipt }) => receipt.dekVersion)).toEqual([1, 2]);
    manager.close();
  });

  test.each<FailpointName>([
    'beforeDekErase',
    'afterDekErase',
    'beforeErasureReceipt',
    'afterErasureReceipt',
  ])('that a crash cuts off at %s is whole after the next start', async (failpoint) => {
    const bench = openBench();
    const manager = await bench.open();
    await withThree(bench, manager);
    manager.close();
    const dying = await bench.open(failpoint);
    await dying.erase(topic, [spent(1)]).catch((error: unknown) => {
      expect(error).toBeInstanceOf(Crash);
    });
    await bench.clock.advance(2_000);
    await bench.clock.settle();
    dying.close();
    const next = await bench.open();
    if ((await versions(bench.rows)).includes(1)) await next.erase(topic, [spent(1)]);
    await bench.clock.advance(120_000);
    await bench.clock.settle();
    expect(await versions(bench.rows)).toEqual([2, 3, 4]);
    expect(new Set(bench.receipts.map(({ id }) => id)).size).toBe(1);
    expect(bench.receipts[0]!.id).toMatch(/^[0-9a-f]{32}$/);
    expect(await bench.rows.list('dek-')).toEqual([]);
    next.close();
  });
});

describe('a rewrap', () => {
  const order = { keyName, from: keyName, primary: null };

  async function rotated(): Promise<DekBench<ScriptedKeyService>> {
    const bench = await openScriptedBench();
    await bench.manager.forSeal(topic);
    bench.keys.rotate(keyName);
    return bench;
  }

  const kekOf = async (rows: KeyStore): Promise<string> =>
    decodeDekRow((await rows.list('dek/'))[0]!.value)!.kekVersionName;

  test('changes who wraps the DEK, and neither the DEK nor its handle', async () => {
    const { manager, rows, keys, clock } = await rotated();
    const dek = await manager.forOpen(topic, 1);
    const before = fingerprint(dek);
    const outcome = await manager.rewrap(topic, 1, order);
    expect(outcome).toMatchObject({ outcome: 'moved', primary: `${keyName}/cryptoKeyVersions/2` });
    expect(await kekOf(rows)).toBe(`${keyName}/cryptoKeyVersions/2`);
    expect(dek.isAlive).toBe(true);
    keys.setEnabled(keyName, false, 1);
    await clock.settle();
    expect(fingerprint(await manager.forOpen(topic, 1))).toBe(before);
    const reasons = new Set(keys.calls.slice(-4, -1).map(({ caller }) => caller.reason));
    expect(reasons).toContain('GOOGLE_INITIATED_SYSTEM_OPERATION');
    manager.close();
  });

  test('of a DEK that is at home, or gone, changes nothing', async () => {
    const { manager, rows } = await rotated();
    await manager.rewrap(topic, 1, order);
    const stored = await rows.list('dek/');
    expect(await manager.rewrap(topic, 1, order)).toMatchObject({ outcome: 'kept' });
    const primary = `${keyName}/cryptoKeyVersions/2`;
    expect(await manager.rewrap(topic, 1, { ...order, primary })).toMatchObject({ primary: null });
    expect(await rows.list('dek/')).toEqual(stored);
    expect(await manager.rewrap(topic, 9, order)).toMatchObject({ outcome: 'gone' });
    manager.close();
  });

  test('that gets other bytes back stores nothing', async () => {
    const { manager, rows, keys } = await rotated();
    const stored = await rows.list('dek/');
    let decryptCount = 0;
    keys.before = ({ operation }) => {
      keys.returnsOtherBytes = operation === 'decrypt' && ++decryptCount === 2;
    };
    const refused = { code: 'DATA_LOSS', reason: 'DEK_COMMITMENT_MISMATCH' };
    await expect(manager.rewrap(topic, 1, order)).rejects.toMatchObject(refused);
    expect(await rows.list('dek/')).toEqual(stored);
    manager.close();
  });

  test('that meets the deletion of its topic leaves nothing behind', async () => {
    const { manager, rows, keys } = await rotated();
    let isForgotten = false;
    keys.after = async ({ operation }) => {
      if (operation !== 'encrypt' || isForgotten) return;
      isForgotten = true;
      await manager.forget(topic);
    };
    expect(await manager.rewrap(topic, 1, order)).toMatchObject({ outcome: 'gone' });
    expect(await rows.list('dek/')).toEqual([]);
    manager.close();
  });

  test('leaves no old wrapped bytes: a compaction follows', async () => {
    const bench = openBench();
    const manager = await bench.open();
    await manager.forSeal(topic);
    bench.keys.rotate(keyName);
    await manager.rewrap(topic, 1, order);
    await bench.clock.advance(1_000);
    await bench.clock.settle();
    expect(bench.compactionCount).toBe(1);
    expect(bench.receipts).toEqual([]);
    manager.close();
  });

  test.each<FailpointName>(['beforeDekRewrap', 'afterDekRewrap'])(
    'that a crash cuts off at %s leaves a row that opens, and goes on',
    async (failpoint) => {
      const bench = openBench();
      const manager = await bench.open();
      const before = fingerprint(await manager.forSeal(topic));
      bench.keys.rotate(keyName);
      manager.close();
      const dying = await bench.open(failpoint);
      await expect(dying.rewrap(topic, 1, order)).rejects.toThrow(Crash);
      dying.close();
      const next = await bench.open();
      expect(fingerprint(await next.forOpen(topic, 1))).toBe(before);
      await next.rewrap(topic, 1, order);
      expect(await kekOf(bench.rows)).toBe(`${keyName}/cryptoKeyVersions/2`);
      expect(fingerprint(await next.forOpen(topic, 1))).toBe(before);
      next.close();
    },
  );
});
