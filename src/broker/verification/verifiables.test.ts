import { describe, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { silentLogger } from '../../runtime/index.ts';
import { segmentKinds } from '../../storage/index.ts';
import type { LogId, MemoryStore, MetaRow, Segment, Store } from '../../storage/index.ts';
import { Verification, type VerificationReport } from '../../verification/index.ts';

/** Changes what is read, once it is told to. */
class Meddler {
  change: ((segments: Segment[]) => Segment[]) | null = null;
  changeRow: ((value: Uint8Array) => void) | null = null;

  wrap(disk: MemoryStore): Store {
    const read = disk.read.bind(disk);
    const get = disk.meta.get.bind(disk.meta);
    disk.read = async (log, from, bytesMax) => {
      const segments = await read(log, from, bytesMax);
      return this.change?.(segments) ?? segments;
    };
    disk.meta.get = async (key) => {
      const row = await get(key);
      if (row !== null) this.changeRow?.(row.value);
      return row;
    };
    return disk;
  }
}

interface Bench {
  readonly harness: BrokerHarness;
  readonly meddler: Meddler;
  readonly topic: string;
  readonly version: string;
}

/** Two segments of messages, a delivery record, a snapshot. */
async function openBench(): Promise<Bench> {
  const meddler = new Meddler();
  const harness = await BrokerHarness.open({ wrapStore: (disk) => meddler.wrap(disk) });
  const key = await harness.createKey();
  const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
  const subscription = await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two');
  await harness.publish(topic, 'three');
  const [, second] = await harness.pull(subscription);
  await harness.acknowledge(subscription, [second!.ackId]);
  await harness.createSnapshot('friday', subscription);
  return { harness, meddler, topic, version: key.version };
}

async function verify({ harness }: Bench): Promise<VerificationReport> {
  const parts = harness.broker.verifiables();
  const verification = new Verification(parts, { clock: harness.clock, log: silentLogger });
  verification.start();
  while (verification.report().state === 'running') await harness.clock.settle();
  return verification.report();
}

const sums = (report: VerificationReport): { missing: number; damaged: number; unread: number } => {
  const sum = (field: 'expectedCount' | 'verifiedCount' | 'damagedCount' | 'unreadCount'): number =>
    report.parts.reduce((total, part) => total + part[field], 0);
  return {
    missing: sum('expectedCount') - sum('verifiedCount') - sum('unreadCount'),
    damaged: sum('damagedCount'),
    unread: sum('unreadCount'),
  };
};

describe('a verification of the broker', () => {
  test('authenticates every message, record and row', async () => {
    const bench = await openBench();
    const report = await verify(bench);
    expect(report).toMatchObject({ state: 'done', findings: [], error: null });
    expect(sums(report)).toEqual({ missing: 0, damaged: 0, unread: 0 });
    const counts = report.parts.map(({ part, verifiedCount }) => [part, verifiedCount]);
    expect(counts).toContainEqual(['messages', 3]);
    expect(report.parts.every(({ verifiedBytes }) => verifiedBytes > 0)).toBe(true);
    await bench.harness.close();
  });

  test('finds a flipped bit in any byte of any segment', async () => {
    const bench = await openBench();
    let byte = 0;
    let isFlipped = true;
    for (; isFlipped; byte++) {
      let passed = 0;
      isFlipped = false;
      bench.meddler.change = (segments) =>
        segments.map((segment) => {
          const at = byte - passed;
          passed += segment.body.length;
          if (at < 0 || at >= segment.body.length) return segment;
          isFlipped = true;
          const body = Uint8Array.from(segment.body);
          body[at]! ^= 1 << (byte % 8);
          return { ...segment, body };
        });
      const report = await verify(bench);
      if (isFlipped) expect(sums(report).damaged, `byte ${byte}`).toBeGreaterThan(0);
    }
    expect(byte).toBeGreaterThan(200);
    bench.meddler.change = null;
    await bench.harness.close();
  });

  test.each<[string, (segments: Segment[]) => Segment[], RegExp]>([
    ['another time', (all) => all.map((one) => ({ ...one, timeMs: one.timeMs + 1 })), /seal/],
    ['another epoch', (all) => all.map((one) => ({ ...one, epoch: one.epoch + 1 })), /seal/],
    ['a segment that is gone', (all) => all.filter(({ base }) => base !== 0), /nothing is stored/],
    ['an end that is gone', (all) => all.filter(({ base }) => base === 0), /ends too early/],
  ])('finds %s', async (_, change, problem) => {
    const bench = await openBench();
    bench.meddler.change = change;
    const { findings } = await verify(bench);
    const ofMessages = findings.filter(({ part }) => part === 'messages');
    expect(ofMessages[0]).toMatchObject({
      kind: 'damaged',
      problem: expect.stringMatching(problem),
    });
    expect(ofMessages[0]!.where).toContain(bench.topic);
    bench.meddler.change = null;
    await bench.harness.close();
  });

  test('finds a changed row, and looks at those beside it', async () => {
    const bench = await openBench();
    let rows = 0;
    bench.meddler.changeRow = (value) => {
      if (rows++ === 0) value[value.length - 1]! ^= 1;
    };
    const report = await verify(bench);
    expect(sums(report)).toMatchObject({ damaged: 1 });
    expect(report.findings[0]).toMatchObject({ part: 'metadata', kind: 'damaged' });
    expect(rows).toBeGreaterThan(3);
    bench.meddler.changeRow = null;
    await bench.harness.close();
  });

  test('says of messages under a disabled key that they are unread, not that they are damaged', async () => {
    const bench = await openBench();
    await bench.harness.setKeyEnabled(bench.version, false);
    const report = await verify(bench);
    expect(sums(report)).toEqual({ missing: 0, damaged: 0, unread: 3 });
    expect(report.findings[0]).toMatchObject({
      kind: 'unread',
      where: expect.stringContaining('orders'),
    });
    expect(report.findings[0]!.problem).toContain('current state is: DISABLED');
    await bench.harness.setKeyEnabled(bench.version, true);
    await bench.harness.close();
  });
});

test('a second verification waits for the first, and a stopped one says so', async () => {
  const bench = await openBench();
  const parts = bench.harness.broker.verifiables();
  const verification = new Verification(parts, { clock: bench.harness.clock, log: silentLogger });
  expect(() => verification.report()).toThrow(/No verification was started/);
  verification.start();
  expect(() => verification.start()).toThrow(/under way/);
  await bench.harness.until(verification.stop());
  expect(verification.report().state).toBe('stopped');
  await bench.harness.close();
});

test('a store that cannot be read fails the verification, with its words', async () => {
  const bench = await openBench();
  bench.meddler.change = () => {
    throw new Error('the disk is on fire');
  };
  const report = await verify(bench);
  expect(report.state).toBe('failed');
  expect(report.error).not.toBeNull();
  bench.meddler.change = null;
  await bench.harness.close();
});

test('a segment that is trimmed, with its DEK, before it is opened is passed over', async () => {
  let meet: ((log: LogId) => Promise<void>) | null = null;
  const harness = await BrokerHarness.open({
    wrapStore: (disk) => {
      const read = disk.read.bind(disk);
      disk.read = async (log, ...place) => {
        const segments = await read(log, ...place);
        if (segments[0]?.kind === segmentKinds.messages) await meet?.(log);
        return segments;
      };
      return disk;
    },
  });
  const topic = await harness.createTopic('orders');
  await harness.createSubscription('billing', topic);
  await harness.publish(topic, 'one', 'two');
  await harness.clock.advance(7 * 3_600_000);
  await harness.publish(topic, 'three');
  const [{ key }] = (await harness.keyRows.list('dek/')) as [MetaRow];
  const sealed = { name: topic, uid: Buffer.from(key.split('/')[1]!, 'hex') };
  meet = async (log) => {
    meet = null;
    await harness.disk.trim([{ log, below: 2 }]);
    await harness.deks.erase(sealed, [{ version: 1, sealedMessageCount: null }]);
  };
  const parts = harness.broker.verifiables();
  const verification = new Verification(parts, { clock: harness.clock, log: silentLogger });
  verification.start();
  while (verification.report().state === 'running') await harness.clock.settle();
  expect(meet).toBeNull();
  expect(verification.report()).toMatchObject({ state: 'done', findings: [], error: null });
  await harness.close();
});
