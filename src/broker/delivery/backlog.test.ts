import { createHmac } from 'node:crypto';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { AckIds, type Mac } from './ack-id.ts';
import { Backlog } from './backlog.ts';
import type { Redelivery } from './backlog-options.ts';
import { Consumer } from './consumer.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import { nextDeadlineMs, type Lease } from './lease.ts';
import { LeaseBudget } from './lease-budget.ts';

const mac: Mac = (input, out) => {
  out.set(createHmac('sha256', 'a test key').update(input).digest().subarray(0, out.length));
};

interface Bench {
  readonly clock: VirtualClock;
  readonly backlog: Backlog;
  readonly consumer: Consumer;
  readonly budget: LeaseBudget;
  wakes: number;
  readonly expired: number[];
  readonly ended: number[];
  /** What becomes of a message that failed. */
  redelivery: Redelivery;
  /** Leases what comes next, for ten seconds. */
  next(tail: number): Lease | undefined;
}

function open(frontier = 0, holes: number[] = [], epoch = 1): Bench {
  const clock = new VirtualClock();
  const budget = new LeaseBudget(1_000);
  const consumer = new Consumer({
    type: 'pull',
    limits: { messagesMax: Infinity, bytesMax: Infinity, turnBytes: 1 },
    ackDeadlineMs: 10_000,
    deliver: () => true,
    fail: () => undefined,
  });
  const bench: Bench = {
    clock,
    budget,
    consumer,
    wakes: 0,
    expired: [],
    ended: [],
    redelivery: 0,
    backlog: new Backlog({
      wheel: new DeadlineWheel(clock),
      budget,
      ackIds: new AckIds(mac, { subscription: 1, lane: 0, epoch }),
      frontier,
      holes,
      onAvailable: () => void bench.wakes++,
      onExpired: (lease) => void bench.expired.push(lease.sequence),
      onVoided: () => undefined,
      redeliver: () => bench.redelivery,
      onForward: () => undefined,
      onEnded: (sequence) => void bench.ended.push(sequence),
      onPassed: (sequence) => void bench.ended.push(sequence),
    }),
    next(tail) {
      const sequence = bench.backlog.peek(tail, bench.consumer);
      if (sequence === undefined) return undefined;
      const deliveredMs = clock.monotonicMs();
      const message = { bytes: 7, publishTimeMs: 5, deliveredMs, deadlineMs: deliveredMs + 10_000 };
      return bench.backlog.lease(sequence, consumer, message);
    },
  };
  return bench;
}

const sequences = (bench: Bench, tail: number, count: number): (number | undefined)[] =>
  Array.from({ length: count }, () => bench.next(tail)?.sequence);

describe('handing out', () => {
  test('goes in order up to the tail, and counts what it holds', () => {
    const bench = open();
    expect(sequences(bench, 3, 4)).toEqual([0, 1, 2, undefined]);
    const { backlog, consumer } = bench;
    expect([backlog.frontier, backlog.leaseCount, backlog.outstandingCount]).toEqual([3, 3, 3]);
    expect([consumer.outstandingMessages, consumer.outstandingBytes]).toEqual([3, 21]);
    expect(backlog.floor).toBe(0);
  });

  test('begins with the holes of an earlier life', () => {
    const bench = open(10, [2, 5, 9]);
    expect(bench.backlog.floor).toBe(2);
    expect(bench.backlog.isFirstDelivery(2)).toBe(false);
    expect(sequences(bench, 12, 6)).toEqual([2, 5, 9, 10, 11, undefined]);
  });

  test('prefers what came back, the lowest first', () => {
    const bench = open();
    const leases = [0, 1, 2, 3].map(() => bench.next(10)!);
    bench.backlog.giveBack(leases[3]!);
    bench.backlog.giveBack(leases[1]!);
    expect(bench.wakes).toBe(2);
    expect(sequences(bench, 10, 3)).toEqual([1, 3, 4]);
  });
});

describe('the end of a lease', () => {
  test('by deadline makes the message available with a new ack id', async () => {
    const bench = open();
    const lease = bench.next(1)!;
    const { ackId } = lease;
    await bench.clock.advance(9_900);
    expect(bench.backlog.peek(1, bench.consumer)).toBeUndefined();
    await bench.clock.advance(200);
    expect([bench.backlog.outstandingCount, bench.backlog.leaseCount]).toEqual([0, 1]);
    expect(bench.consumer.outstandingMessages).toBe(0);
    expect(bench.next(1)!.ackId).not.toBe(ackId);
    expect(lease.attempt).toBe(2);
  });

  test('by ack is for good, once', () => {
    const bench = open();
    const lease = bench.next(1)!;
    expect(bench.backlog.acknowledge(lease)).toBe('done');
    expect(bench.backlog.acknowledge(lease)).toBe('void');
    expect(bench.ended).toEqual([0]);
    expect([bench.backlog.floor, bench.backlog.leaseCount, bench.backlog.outstandingCount]).toEqual(
      [1, 0, 0],
    );
    expect(bench.consumer.outstandingBytes).toBe(0);
    expect(bench.backlog.find(lease.ackId)).toBe('gone');
  });

  test('is put off by a later deadline, and a nack counts once', async () => {
    const bench = open();
    const lease = bench.next(1)!;
    bench.backlog.extend(lease, 60_000);
    await bench.clock.advance(59_000);
    expect(bench.backlog.outstandingCount).toBe(1);
    bench.backlog.giveBack(lease);
    bench.backlog.giveBack(lease);
    expect([bench.backlog.outstandingCount, bench.consumer.outstandingMessages]).toEqual([0, 0]);
    bench.backlog.extend(lease, 90_000);
    expect(sequences(bench, 1, 2)).toEqual([0, undefined]);
  });
});

describe('ack ids', () => {
  test('name the lease while it is current, and the message afterwards', () => {
    const bench = open();
    const lease = bench.next(1)!;
    const first = lease.ackId;
    expect(bench.backlog.find(first)).toEqual({ lease, isLatest: true, isCurrent: true });
    bench.backlog.giveBack(lease);
    expect(bench.backlog.find(first)).toEqual({ lease, isLatest: true, isCurrent: false });
    bench.next(1);
    expect(bench.backlog.find(first)).toEqual({ lease, isLatest: false, isCurrent: false });
    expect(bench.backlog.find(lease.ackId)).toEqual({ lease, isLatest: true, isCurrent: true });
  });

  test('that nobody made are malformed, with or without a lease at their number', () => {
    const bench = open();
    const { ackId } = bench.next(1)!;
    const forged = ackId.slice(0, 51) + (ackId.endsWith('A') ? 'B' : 'A');
    expect(bench.backlog.find(forged)).toBe('malformed');
    expect(bench.backlog.find('nonsense')).toBe('malformed');
  });

  test('of an earlier life carry the frontier up to their message', () => {
    const before = open(0, [], 1);
    const ids = [0, 1, 2, 3].map(() => before.next(10)!.ackId);
    const after = open(0, [], 2);
    const found = after.backlog.find(ids[2]!);
    expect(found).toMatchObject({ lease: { sequence: 2 }, isCurrent: false });
    expect(after.backlog.frontier).toBe(3);
    expect(after.backlog.acknowledge((found as { lease: Lease }).lease)).toBe('done');
    expect(sequences(after, 5, 5)).toEqual([0, 1, 3, 4, undefined]);
  });
});

describe('retention', () => {
  test('ends what lies below, leased or not, and what was never handed out', () => {
    const bench = open();
    sequences(bench, 10, 4);
    bench.backlog.expireBelow(2);
    expect([bench.backlog.floor, bench.backlog.outstandingCount]).toEqual([2, 2]);
    bench.backlog.expireBelow(8);
    expect([bench.backlog.floor, bench.backlog.frontier, bench.backlog.leaseCount]).toEqual([
      8, 8, 0,
    ]);
    expect(bench.consumer.outstandingMessages).toBe(0);
    expect(sequences(bench, 10, 3)).toEqual([8, 9, undefined]);
    bench.backlog.expireBelow(3);
    expect([bench.backlog.floor, bench.backlog.frontier, bench.backlog.leaseCount]).toEqual([
      8, 10, 2,
    ]);
  });
});

describe('what a lease tells', () => {
  test('is how and when it was handed out, and when its time is up', async () => {
    const bench = open();
    await bench.clock.advance(1_234);
    const lease = bench.next(1)!;
    expect([lease.type, lease.deliveredMs, lease.bytes]).toEqual(['pull', 1_234, 7]);
    expect(nextDeadlineMs(bench.backlog.leases())).toBe(11_234);
    bench.backlog.extend(lease, 20_000);
    expect(nextDeadlineMs(bench.backlog.leases())).toBe(20_000);
    await bench.clock.advance(30_000);
    expect(bench.expired).toEqual([0]);
    expect(nextDeadlineMs(bench.backlog.leases())).toBe(Infinity);
  });

  test('is not known of what a restart found, until it is handed out again', () => {
    const bench = open(10, [3, 7]);
    expect([bench.backlog.leasedBytes, bench.backlog.unsizedCount]).toEqual([0, 2]);
    expect(bench.backlog.oldest?.deliveredMs).toBe(-1);
    bench.next(10);
    expect([bench.backlog.leasedBytes, bench.backlog.unsizedCount]).toEqual([7, 1]);
    bench.backlog.expireBelow(10);
    expect([bench.backlog.leasedBytes, bench.backlog.unsizedCount]).toEqual([0, 0]);
  });

  test('is counted apart while push has it', async () => {
    const bench = open();
    const push = new Consumer({
      type: 'push',
      limits: { messagesMax: Infinity, bytesMax: Infinity, turnBytes: 1 },
      ackDeadlineMs: 10_000,
      deliver: () => true,
      fail: () => undefined,
    });
    const message = { bytes: 7, publishTimeMs: 5, deliveredMs: 0, deadlineMs: 10_000 };
    bench.next(3);
    const pushed = bench.backlog.lease(1, push, message);
    bench.backlog.lease(2, push, message);
    expect(bench.backlog.pushedCount).toBe(2);
    bench.backlog.acknowledge(pushed);
    expect(bench.backlog.pushedCount).toBe(1);
    await bench.clock.advance(20_000);
    expect(bench.backlog.pushedCount).toBe(0);
    // The same message by another way is not push's any more.
    sequences(bench, 3, 2);
    expect([bench.backlog.outstandingCount, bench.backlog.pushedCount]).toEqual([2, 0]);
  });
});

test('what closes leaves no timer that does anything, and its room to others', async () => {
  const bench = open();
  sequences(bench, 600, 600);
  bench.backlog.close();
  await bench.clock.advance(60_000);
  expect(bench.wakes).toBe(0);
  bench.budget.add(999);
  expect(bench.budget.isSpent).toBe(false);
});

test('behaves as a set of sequences that knows who has what', async () => {
  const command = fc.record({
    do: fc.constantFrom(
      'next',
      'next',
      'next',
      'ack',
      'nack',
      'extend',
      'late',
      'expire',
      'advance',
    ),
    pick: fc.nat(100),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 150 }), async (commands) => {
      const bench = open();
      const tail = 60;
      const unacked = new Set(Array.from({ length: tail }, (_, i) => i));
      const made: { ackId: string; sequence: number }[] = [];
      let cut = 0;
      for (const { do: what, pick } of commands) {
        const { ackId, sequence } = made[pick % Math.max(1, made.length)] ?? {
          ackId: '',
          sequence: -1,
        };
        const found = bench.backlog.find(ackId);
        if (what === 'advance') await bench.clock.advance(pick * 120);
        else if (what === 'next') {
          const lease = bench.next(tail);
          if (lease === undefined) continue;
          expect(unacked.has(lease.sequence)).toBe(true);
          made.push({ ackId: lease.ackId, sequence: lease.sequence });
        } else if (what === 'expire') {
          cut = Math.max(cut, Math.min(pick, 20));
          bench.backlog.expireBelow(cut);
          for (let i = 0; i < cut; i++) unacked.delete(i);
        } else if (typeof found === 'string') expect(unacked.has(sequence)).toBe(false);
        else if (what === 'ack' || what === 'late') {
          expect(bench.backlog.acknowledge(found.lease)).toBe(
            unacked.delete(sequence) ? 'done' : 'void',
          );
        } else if (found.isCurrent && what === 'nack') bench.backlog.giveBack(found.lease);
        else if (found.isCurrent)
          bench.backlog.extend(found.lease, bench.clock.monotonicMs() + 5_000);
        expect(bench.backlog.floor).toBe(
          [...unacked].find((i) => i < bench.backlog.frontier) ?? bench.backlog.frontier,
        );
        expect([...bench.backlog.holes()]).toEqual(
          [...unacked].filter((i) => i < bench.backlog.frontier),
        );
        expect(bench.consumer.outstandingMessages).toBe(bench.backlog.outstandingCount);
        expect(bench.backlog.leasedBytes).toBe(7 * bench.backlog.leaseCount);
        expect(bench.backlog.unsizedCount).toBe(0);
      }
      await bench.clock.advance(60_000);
      const rest = sequences(bench, tail, unacked.size + 1);
      expect(rest.slice(0, -1).toSorted((a, b) => a! - b!)).toEqual([...unacked]);
      expect(rest.at(-1)).toBeUndefined();
    }),
    { numRuns: 150 },
  );
});

test('a message that is delayed is not outstanding, and available at its time or when delays end', async () => {
  const bench = open();
  const [first, second] = [bench.next(2)!, bench.next(2)!];
  bench.backlog.fail(first, 5_000);
  bench.backlog.fail(second, 60_000);
  expect(bench.backlog.outstandingCount).toBe(0);
  expect(bench.consumer.outstandingMessages).toBe(0);
  expect(bench.backlog.peek(2, bench.consumer)).toBeUndefined();
  await bench.clock.advance(5_100);
  expect(bench.backlog.peek(2, bench.consumer)).toBe(0);
  expect(bench.expired).toEqual([]);
  bench.next(2);
  expect(bench.backlog.peek(2, bench.consumer)).toBeUndefined();
  bench.backlog.endDelays();
  expect(bench.backlog.peek(2, bench.consumer)).toBe(1);
});

test('a delayed message can be acknowledged, and leaves nothing behind', async () => {
  const bench = open();
  const lease = bench.next(1)!;
  bench.backlog.fail(lease, 5_000);
  bench.backlog.acknowledge(lease);
  await bench.clock.advance(10_000);
  expect(bench.backlog.peek(1, bench.consumer)).toBeUndefined();
  expect(bench.backlog.leaseCount).toBe(0);
  expect(bench.clock.pendingCount).toBe(0);
});
