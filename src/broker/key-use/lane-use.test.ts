import fc from 'fast-check';
import { expect, test } from 'vitest';

import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../runtime/index.ts';
import { openMemoryStore, segmentKinds } from '../../storage/index.ts';
import type { MemoryStore, MetaStore, Segment, Store } from '../../storage/index.ts';
import { ReadGate } from '../lanes/read-gate.ts';
import { LaneUse, unreadable } from './lane-use.ts';

const log = 7;
const topicUid = '0f'.repeat(16);

/** A body whose clear header names a DEK, as docs/envelope-format.md has it. */
function bodyOf(version: number, padding: number): Uint8Array {
  const body = Buffer.alloc(8 + padding, 0x5a);
  body.set([1, 2, 0, 0]);
  body.writeUInt32BE(version, 4);
  return body;
}

/** A lane that is written, trimmed and lost sight of, and what brute force says of it. */
class Bench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly store: MemoryStore = openMemoryStore({ clock: this.clock });
  readonly entropy: SeededEntropy = new SeededEntropy(3);
  /** Everything that was ever appended, as it was. */
  readonly history: Segment[] = [];
  areRowsLost = false;
  readCount = 0;
  /** Called once, when something is about to be read. */
  onRead: (() => void) | null = null;
  use: LaneUse = this.open();

  open(): LaneUse {
    const meta: MetaStore = {
      get: (key) => this.store.meta.get(key),
      list: (prefix, options) => this.store.meta.list(prefix, options),
      txn: async (checks, puts) => {
        if (this.areRowsLost) throw new Error('lost');
        return await this.store.meta.txn(checks, puts);
      },
    };
    const store: Store = new Proxy(this.store, {
      get: (target, name) => {
        if (name === 'read') {
          this.readCount++;
          this.onRead?.();
          this.onRead = null;
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const reads = new ReadGate(this.clock);
    const ports = { store, meta, reads, log: silentLogger, runBytes: 400 };
    return new LaneUse(ports, { topicUid, index: 0, log });
  }

  async append(version: number, count: number, padding: number, isHeard: boolean): Promise<void> {
    const [tail] = await this.store.tails([log]);
    const id = new Uint8Array(16);
    this.entropy.fill(id);
    const at = tail!.next;
    const body = bodyOf(version, padding);
    const timeMs = at * 10;
    const op = { log, at, epoch: 0, id, count, timeMs, kind: segmentKinds.messages, body };
    if (isHeard) this.use.sealing(version);
    const [outcome] = await this.store.commit([op]);
    expect(outcome).toBe('ok');
    const segment = { ...op, base: at };
    this.history.push(segment);
    if (isHeard) this.use.appended([segment]);
    this.use.sealed();
  }

  /** By version: messages, bytes, last sequence. */
  async brute(): Promise<Map<number, [number, number, number]>> {
    const [tail] = await this.store.tails([log]);
    const sums = new Map<number, [number, number, number]>();
    for (const { base, count, body } of this.history) {
      if (base < tail!.trim) continue;
      const version = Buffer.from(body).readUInt32BE(4);
      const [messages, bytes] = sums.get(version) ?? [0, 0];
      sums.set(version, [messages + count, bytes + body.length, base + count - 1]);
    }
    return sums;
  }

  async counted(): Promise<Map<number, [number, number, number]>> {
    const uses = await this.use.uses();
    return new Map(
      [...uses].map(([version, use]) => [
        version,
        [use.messageCount, use.byteCount, use.lastSequence],
      ]),
    );
  }
}

type Step =
  | readonly ['append', number, number, number, boolean]
  | readonly ['trim', number]
  | readonly ['restart']
  | readonly ['lose rows', boolean]
  | readonly ['ask'];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constant('append' as const),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 300 }),
      fc.boolean(),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('trim' as const), fc.double({ min: 0, max: 1, noNaN: true })),
  },
  { weight: 1, arbitrary: fc.constant(['restart'] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('lose rows' as const), fc.boolean()) },
  { weight: 2, arbitrary: fc.constant(['ask'] as const) },
);

async function take(bench: Bench, [kind, ...given]: Step): Promise<void> {
  if (kind === 'append') {
    const [version, count, padding, isHeard] = given as [number, number, number, boolean];
    await bench.append(version, count, padding, isHeard);
  } else if (kind === 'trim') {
    const [tail] = await bench.store.tails([log]);
    await bench.store.trim([{ log, below: Math.floor(tail!.next * (given[0] as number)) }]);
  } else if (kind === 'restart') bench.use = bench.open();
  else if (kind === 'lose rows') bench.areRowsLost = given[0] as boolean;
  else expect(await bench.counted()).toEqual(await bench.brute());
}

test('however versions interleave, whatever is lost, the count is that of brute force', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const bench = new Bench();
      for (const each of steps) await take(bench, each);
      expect(await bench.counted()).toEqual(await bench.brute());
      const [tail] = await bench.store.tails([log]);
      const named = bench.use.namedFrom(tail!)!;
      for (const version of (await bench.brute()).keys()) expect(named).toContain(version);
    }),
    { numRuns: 200 },
  );
});

test('what was counted as it came, or noted as rows, is not read again', async () => {
  const bench = new Bench();
  for (let i = 0; i < 200; i++) await bench.append(1 + Math.floor(i / 50), 3, 100, true);
  await bench.use.uses();
  expect(bench.readCount).toBe(0);
  await bench.clock.settle();
  bench.use = bench.open();
  const uses = await bench.use.uses();
  expect(uses.get(4)?.messageCount).toBe(150);
  // The last run was not closed: one read brings it.
  expect(bench.readCount).toBe(1);
});

test('a DEK that is about to seal is named until its segment landed or cannot land any more', async () => {
  const bench = new Bench();
  await bench.append(1, 1, 0, true);
  bench.use.sealing(2);
  await bench.use.complete();
  const [tail] = await bench.store.tails([log]);
  expect(bench.use.namedFrom(tail!)).toEqual(new Set([1, 2]));
  bench.use.sealed();
  expect(bench.use.namedFrom(tail!)).toEqual(new Set([1, 2]));
  await bench.use.complete();
  expect(bench.use.namedFrom(tail!)).toEqual(new Set([1]));
});

test('what a DEK sealed in all is known while its beginning is, also after an erasure before it', async () => {
  const bench = new Bench();
  for (const version of [1, 1, 2, 3, 3]) await bench.append(version, 4, 200, true);
  expect([1, 2, 3].map((version) => bench.use.sealedCount(version, 20))).toEqual([8, 4, 8]);
  await bench.store.trim([{ log, below: 12 }]);
  await bench.use.forget(1);
  await bench.use.forget(2);
  expect(bench.use.sealedCount(3, 20)).toBe(8);
  await bench.append(4, 1, 0, true);
  await bench.clock.settle();
  bench.use = bench.open();
  await bench.use.load();
  // Of the last segment nothing was noted.
  expect(bench.use.sealedCount(3, 21)).toBeNull();
  await bench.use.complete();
  expect(bench.use.sealedCount(3, 21)).toBe(8);
});

test('a DEK whose beginning was trimmed before anybody counted it is not guessed at', async () => {
  const bench = new Bench();
  bench.areRowsLost = true;
  for (let i = 0; i < 4; i++) await bench.append(1, 5, 10, false);
  await bench.store.trim([{ log, below: 10 }]);
  await bench.use.complete();
  expect(bench.use.sealedCount(1, 20)).toBeNull();
});

test('a segment whose header is damaged is counted as such', async () => {
  const bench = new Bench();
  await bench.append(1, 1, 0, true);
  const [tail] = await bench.store.tails([log]);
  const body = new Uint8Array(30);
  const op = { log, at: tail!.next, epoch: 0, id: new Uint8Array(16).fill(9), count: 2 };
  await bench.store.commit([{ ...op, timeMs: 99, kind: segmentKinds.messages, body }]);
  const uses = await bench.use.uses();
  expect(uses.get(unreadable)?.messageCount).toBe(2);
});

test('what is heard of while a gap that it ends is read does not hide the rest of the gap', async () => {
  const bench = new Bench();
  await bench.append(1, 3, 0, false);
  await bench.append(1, 4, 0, false);
  const [, late] = bench.history;
  bench.onRead = () => bench.use.appended([late!]);
  expect(await bench.counted()).toEqual(await bench.brute());
  const [tail] = await bench.store.tails([log]);
  expect(bench.use.namedFrom(tail!)).toEqual(new Set([1]));
});
