import { describe, expect, test } from 'vitest';

import { testProviders } from '../../../test/support/dek-bench.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { usedBytes } from '../../../test/support/used-bytes.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { createRecordSealer } from '../../envelope/index.ts';
import { FaultPlan, openMemoryStore, segmentKinds } from '../../storage/index.ts';
import type { AckLog } from './ack-log.ts';
import { recoverAcks, type AckState } from './ack-recovery.ts';
import type { LeaseRecord } from './lease-record.ts';

const log = 7;

/** Where a subscription stands: plain numbers that the test moves. */
class Position {
  frontier = 0;
  generation = 0;
  open = new Set<number>();

  get floor(): number {
    for (const sequence of this.open) return sequence;
    return this.frontier;
  }

  holes(): Iterable<number> {
    return this.open;
  }

  handOut(end: number): void {
    for (; this.frontier < end; this.frontier++) this.open.add(this.frontier);
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly faults = new FaultPlan();
  readonly store = openMemoryStore({ clock: this.clock, faults: this.faults });
  readonly position = new Position();
  ackLog!: AckLog;
  state!: AckState;
  readonly #entropy = new SeededEntropy(1);
  readonly #key = testProviders().preferred.importKey(new Uint8Array(32).fill(7));

  static async open(): Promise<Bench> {
    const bench = new Bench();
    await bench.recover();
    return bench;
  }

  /** As after a crash: what the log adds up to, and a writer of the next epoch. */
  async recover(): Promise<AckState> {
    const { store, clock } = this;
    const sealer = createRecordSealer({ key: this.#key, entropy: this.#entropy });
    const ports = { store, sealer, clock, entropy: this.#entropy };
    this.state = await recoverAcks(ports, log, 0);
    this.ackLog = this.state.openLog(this.position);
    return this.state;
  }

  ack(sequence: number): void {
    this.position.open.delete(sequence);
    this.ackLog.add(sequence);
  }

  passOver(end: number): void {
    const first = this.position.frontier;
    this.position.frontier = end;
    this.ackLog.addRange(first, end);
  }

  async kinds(): Promise<number[]> {
    const [tail] = await this.store.tails([log]);
    return (await this.store.read(log, tail!.trim, 1 << 24)).map(({ kind }) => kind);
  }

  lease(sequence: number, more: Partial<LeaseRecord> = {}): LeaseRecord {
    const deadlineWallMs = this.clock.wallMs() + 60_000;
    const { generation } = this.position;
    const { epoch: ackEpoch } = this.state;
    return { sequence, attempt: 1, failures: 0, deadlineWallMs, ackEpoch, generation, ...more };
  }
}

describe('ranges that were passed over', () => {
  test('ten million messages between two acknowledgements cost no memory', async () => {
    const bench = await Bench.open();
    bench.position.handOut(2);
    bench.ack(1);
    const before = usedBytes();
    for (let i = 0; i < 5_000; i++) bench.passOver(bench.position.frontier + 2_000);
    bench.position.handOut(bench.position.frontier + 1);
    bench.ack(bench.position.frontier - 1);
    await bench.ackLog.flush();
    const state = await bench.recover();
    expect([state.frontier, [...state.holes]]).toEqual([10_000_003, [0]]);
    expect(usedBytes() - before).toBeLessThan(8 << 20);
    const segments = await bench.store.read(log, 0, 1 << 20);
    expect(segments.every(({ body }) => body.length < 100)).toBe(true);
  });

  test('are durable before long, with nobody waiting', async () => {
    const bench = await Bench.open();
    bench.passOver(1_000);
    await bench.clock.advance(999);
    expect(await bench.kinds()).toEqual([]);
    await bench.clock.advance(1);
    expect(await bench.kinds()).toEqual([segmentKinds.ackDelta]);
    expect((await bench.recover()).frontier).toBe(1_000);
  });

  test('do not hold up what is to be durable sooner', async () => {
    const bench = await Bench.open();
    bench.position.handOut(1);
    bench.passOver(1_000);
    bench.ack(0);
    bench.ackLog.flushSoon();
    await bench.clock.advance(10);
    expect(await bench.kinds()).toEqual([segmentKinds.ackDelta]);
  });

  test('and are no holes before a lease that follows them', async () => {
    const bench = await Bench.open();
    bench.passOver(10_000_000);
    bench.position.handOut(bench.position.frontier + 1);
    await bench.ackLog.leased([bench.lease(10_000_000)]);
    const state = await bench.recover();
    expect([state.frontier, [...state.holes]]).toEqual([10_000_001, [10_000_000]]);
    expect(state.leases).toHaveLength(1);
  });
});

describe('a reset', () => {
  test('writes the whole state with its generation, in one commit', async () => {
    const bench = await Bench.open();
    bench.position.handOut(5);
    for (const sequence of [0, 3]) bench.ack(sequence);
    await bench.ackLog.flush();
    bench.ack(4);
    await bench.ackLog.leased([bench.lease(1)]);
    bench.position.generation = 1;
    bench.position.frontier = 3;
    bench.position.open = new Set([2]);
    bench.ackLog.reset();
    await bench.ackLog.flush();
    expect(await bench.kinds()).toEqual([segmentKinds.ackGeneration, segmentKinds.ackSnapshot]);
    const state = await bench.recover();
    expect(state).toMatchObject({ generation: 1, frontier: 3, leases: [] });
    expect([...state.holes]).toEqual([2]);
  });

  test('resolves who waits for an acknowledgement from before it', async () => {
    const bench = await Bench.open();
    bench.position.handOut(2);
    bench.ack(0);
    const flushed = bench.ackLog.flush();
    bench.ack(1);
    const [first, second] = [bench.ackLog.flush(), bench.ackLog.leased([bench.lease(1)])];
    bench.position.generation = 1;
    bench.position.frontier = 0;
    bench.position.open = new Set();
    bench.ackLog.reset();
    await Promise.all([flushed, first, second]);
    const state = await bench.recover();
    expect(state).toMatchObject({ generation: 1, frontier: 0, leases: [] });
  });

  test('that the disk refuses is tried again, and nothing from before it is written', async () => {
    const bench = await Bench.open();
    bench.position.handOut(5);
    bench.ack(4);
    bench.faults.next('io');
    const refused = expect(bench.ackLog.flush()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    bench.position.generation = 1;
    bench.position.frontier = 2;
    bench.position.open = new Set([0, 1]);
    bench.ackLog.reset();
    await refused;
    bench.faults.next('full');
    await expect(bench.ackLog.flush()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await bench.clock.advance(1_000);
    expect(await bench.kinds()).toEqual([segmentKinds.ackGeneration, segmentKinds.ackSnapshot]);
    const state = await bench.recover();
    expect([state.generation, state.frontier, [...state.holes]]).toEqual([1, 2, [0, 1]]);
  });

  test('is kept by every later snapshot', async () => {
    const bench = await Bench.open();
    bench.position.generation = 3;
    bench.ackLog.reset();
    await bench.ackLog.flush();
    bench.position.handOut(3);
    bench.ack(1);
    await bench.ackLog.compact();
    expect(await bench.kinds()).toEqual([segmentKinds.ackGeneration, segmentKinds.ackSnapshot]);
    expect((await bench.recover()).generation).toBe(3);
  });
});

describe('leases', () => {
  test('are found again until their deadlines', async () => {
    const bench = await Bench.open();
    bench.position.handOut(3);
    const soon = bench.lease(1);
    const late = bench.lease(2, { deadlineWallMs: soon.deadlineWallMs + 1 });
    await bench.ackLog.leased([late, bench.lease(0), soon]);
    bench.ack(0);
    await bench.ackLog.flush();
    expect((await bench.recover()).leases).toEqual([soon, late]);
    await bench.clock.advance(60_000);
    expect((await bench.recover()).leases).toEqual([late]);
  });

  test('live on in a snapshot, as they were last', async () => {
    const bench = await Bench.open();
    bench.position.handOut(3);
    await bench.ackLog.leased([bench.lease(0), bench.lease(1), bench.lease(2)]);
    const longer = bench.lease(1, { deadlineWallMs: bench.clock.wallMs() + 600_000 });
    await bench.ackLog.leased([longer]);
    bench.ack(0);
    await bench.ackLog.compact();
    const kinds = [segmentKinds.ackSnapshot, segmentKinds.ackLeases];
    expect(await bench.kinds()).toEqual(kinds);
    await bench.recover();
    await bench.ackLog.compact();
    expect(await bench.kinds()).toEqual(kinds);
    const { leases } = await bench.recover();
    expect(leases.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(leases[0]).toEqual(longer);
  });

  test('that could not be written are those of before, also in a snapshot', async () => {
    const bench = await Bench.open();
    bench.position.handOut(2);
    const first = bench.lease(0);
    await bench.ackLog.leased([first]);
    bench.faults.next('io');
    const longer = { ...first, deadlineWallMs: first.deadlineWallMs + 1 };
    await expect(bench.ackLog.leased([longer])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await bench.recover()).leases).toEqual([first]);
    await bench.ackLog.compact();
    expect((await bench.recover()).leases).toEqual([first]);
  });

  test('whose end could not be written end once the disk takes it, unless they begin anew', async () => {
    const bench = await Bench.open();
    bench.position.handOut(2);
    const leases = [bench.lease(0), bench.lease(1)];
    await bench.ackLog.leased(leases);
    bench.faults.next('io');
    const ended = leases.map((lease) => ({ ...lease, deadlineWallMs: 0 }));
    await expect(bench.ackLog.leased(ended)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const anew = bench.lease(1, { attempt: 2 });
    await bench.ackLog.leased([anew]);
    expect((await bench.recover()).leases).toEqual([anew]);
  });

  test('a hundred thousand, each moved ten times, leave a log of a bounded length', async () => {
    const bench = await Bench.open();
    bench.position.handOut(100_000);
    for (let round = 0; round < 10; round++) {
      for (let at = 0; at < 100_000; at += 10_000) {
        const leases = Array.from({ length: 10_000 }, (_, i) => bench.lease(at + i));
        await bench.ackLog.leased(leases);
      }
    }
    const segments = await bench.store.read(
      log,
      (await bench.store.tails([log]))[0]!.trim,
      1 << 24,
    );
    const bytes = segments.reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeLessThan(4 << 20);
    expect((await bench.recover()).leases).toHaveLength(100_000);
  });
});

test('of too much that the disk would not take the whole state is written, and none is lost', async () => {
  const bench = await Bench.open();
  bench.position.handOut(400_001);
  bench.faults.next('io');
  bench.ack(1);
  await expect(bench.ackLog.flush()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  for (let sequence = 3; sequence < 400_000; sequence += 2) bench.ack(sequence);
  await bench.ackLog.flush();
  // The state instead of so many ranges; then what came after it was decided.
  expect((await bench.kinds())[0]).toBe(segmentKinds.ackSnapshot);
  const state = await bench.recover();
  expect(state.frontier).toBe(400_001);
  expect([...state.holes]).toEqual([...bench.position.open]);
});
