import { createHmac } from 'node:crypto';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { AckIds, type Mac } from './ack-id.ts';
import { Backlog } from './backlog.ts';
import type { Redelivery } from './backlog-options.ts';
import { Consumer } from './consumer.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import type { Lease } from './lease.ts';
import { LeaseBudget } from './lease-budget.ts';

const mac: Mac = (input, out) => {
  out.set(createHmac('sha256', 'a test key').update(input).digest().subarray(0, out.length));
};

/** A backlog over a lane whose messages have these ordering keys; `-` has none. */
class Bench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly ended: number[] = [];
  readonly backlog: Backlog;
  readonly keys: string;
  redelivery: Redelivery = 0;

  constructor(keys: string, holes: number[] = [], frontier = 0) {
    this.keys = keys;
    this.backlog = new Backlog({
      wheel: new DeadlineWheel(this.clock),
      budget: new LeaseBudget(1_000),
      ackIds: new AckIds(mac, { subscription: 1, lane: 0, epoch: 1 }),
      frontier,
      holes,
      onAvailable: () => undefined,
      onExpired: () => undefined,
      onVoided: () => undefined,
      redeliver: () => this.redelivery,
      onForward: () => undefined,
      onEnded: (sequence) => void this.ended.push(sequence),
      onPassed: () => undefined,
    });
  }

  /** What a delivery queue does for one message; undefined if there is nothing for it. */
  next(consumer: Consumer): Lease | undefined {
    for (;;) {
      const sequence = this.backlog.peek(this.keys.length, consumer);
      if (sequence === undefined) return undefined;
      const key = this.keys[sequence]!;
      if (this.backlog.isUnscanned(sequence)) {
        this.backlog.scanned(sequence, key === '-' ? null : key);
      }
      if (!this.backlog.mayHandOut(sequence, consumer)) continue;
      const deliveredMs = this.clock.monotonicMs();
      const message = { bytes: 7, publishTimeMs: 5, deliveredMs, deadlineMs: deliveredMs + 10_000 };
      return this.backlog.lease(sequence, consumer, message);
    }
  }

  all(consumer: Consumer): number[] {
    const sequences: number[] = [];
    for (let lease = this.next(consumer); lease; lease = this.next(consumer)) {
      sequences.push(lease.sequence);
    }
    return sequences;
  }

  leaseOf(sequence: number): Lease {
    for (const lease of this.backlog.leases()) if (lease.sequence === sequence) return lease;
    throw new Error(`${sequence} has no lease`);
  }
}

function consumerOf(type: Consumer['type'], clientId = ''): Consumer {
  return new Consumer({
    type,
    clientId,
    limits: { messagesMax: Infinity, bytesMax: Infinity, turnBytes: 1 },
    ackDeadlineMs: 10_000,
    deliver: () => true,
    fail: () => undefined,
  });
}

function close(bench: Bench, consumer: Consumer): void {
  consumer.isClosed = true;
  bench.backlog.forget(consumer);
}

test('a restored message that is being forwarded when it is looked at holds its key', () => {
  const bench = new Bench('aa', [0, 1], 2);
  const restored = { attempt: 1, failures: 4, ackEpoch: 1, deadlineMs: 9_000, isScanned: false };
  bench.backlog.restore({ sequence: 0, ...restored });
  bench.redelivery = 'forward';
  bench.backlog.fail(bench.leaseOf(0));
  const consumer = consumerOf('streaming pull');
  expect(bench.all(consumer)).toEqual([]);
  expect(bench.leaseOf(0).state).toBe('forwarding');
  bench.backlog.acknowledge(bench.leaseOf(0));
  expect(bench.all(consumer)).toEqual([1]);
});

describe('a key with something outstanding', () => {
  test('goes on with the stream that has it, while others get other keys', () => {
    const bench = new Bench('aab-a');
    const [one, two] = [consumerOf('streaming pull'), consumerOf('streaming pull')];
    expect(bench.next(one)?.sequence).toBe(0);
    expect(bench.all(two)).toEqual([2, 3]);
    expect(bench.all(one)).toEqual([1, 4]);
  });

  test('is handed on only when the outstanding messages of a closed stream are settled', async () => {
    const bench = new Bench('aaa');
    const [one, two] = [consumerOf('streaming pull'), consumerOf('streaming pull')];
    bench.next(one);
    bench.next(one);
    close(bench, one);
    expect(bench.all(two)).toEqual([]);
    bench.backlog.acknowledge(bench.leaseOf(0));
    expect(bench.all(two)).toEqual([]);
    await bench.clock.advance(10_100);
    expect(bench.all(two)).toEqual([1, 2]);
  });

  test('goes on with a stream that has the client id of the closed one', () => {
    const bench = new Bench('aa');
    const one = consumerOf('streaming pull', 'client');
    bench.next(one);
    close(bench, one);
    const [stranger, again] = [
      consumerOf('streaming pull', 'other'),
      consumerOf('streaming pull', 'client'),
    ];
    bench.backlog.adoptKeys(stranger);
    expect(bench.all(stranger)).toEqual([]);
    bench.backlog.adoptKeys(again);
    expect(bench.all(again)).toEqual([1]);
  });

  test('gives a Pull one batch, and the next Pull nothing of it before all are acknowledged', () => {
    const bench = new Bench('aaaa');
    const first = consumerOf('pull');
    expect([bench.next(first)?.sequence, bench.next(first)?.sequence]).toEqual([0, 1]);
    close(bench, first);
    const second = consumerOf('pull');
    bench.backlog.acknowledge(bench.leaseOf(0));
    expect(bench.all(second)).toEqual([]);
    bench.backlog.acknowledge(bench.leaseOf(1));
    expect(bench.all(second)).toEqual([2, 3]);
  });

  test('has one message at a time with push', () => {
    const bench = new Bench('aab');
    const push = consumerOf('push');
    expect(bench.all(push)).toEqual([0, 2]);
    bench.backlog.acknowledge(bench.leaseOf(0));
    expect(bench.all(push)).toEqual([1]);
  });
});

describe('a failure of a message', () => {
  test('makes those after it of its key come again in order, acknowledged ones too', () => {
    const bench = new Bench('aaab');
    const one = consumerOf('streaming pull');
    const leases = [bench.next(one)!, bench.next(one)!, bench.next(one)!];
    bench.next(one);
    const ids = leases.map(({ ackId }) => ackId);
    expect(bench.backlog.acknowledge(leases[2]!)).toBe('ahead');
    bench.backlog.fail(leases[0]!);
    expect(one.outstandingMessages).toBe(1);
    expect(bench.all(one)).toEqual([0, 1, 2]);
    expect(leases.map(({ ackId }) => ackId)).not.toEqual(expect.arrayContaining(ids));
    expect(leases.map(({ failures }) => failures)).toEqual([1, 0, 0]);
  });

  test('leaves those before it where they are', () => {
    const bench = new Bench('aaa');
    const one = consumerOf('streaming pull');
    bench.all(one);
    bench.backlog.fail(bench.leaseOf(1));
    expect(bench.leaseOf(0).isOutstanding).toBe(true);
    const other = consumerOf('streaming pull');
    expect(bench.all(other)).toEqual([]);
    expect(bench.all(one)).toEqual([1, 2]);
  });

  test('keeps its whole key waiting while its retry is delayed or it is forwarded', async () => {
    const bench = new Bench('aa-');
    const one = consumerOf('streaming pull');
    bench.next(one);
    bench.redelivery = 5_000;
    bench.backlog.fail(bench.leaseOf(0));
    expect(bench.all(one)).toEqual([2]);
    await bench.clock.advance(5_100);
    bench.redelivery = 'forward';
    bench.backlog.fail(bench.next(one)!);
    expect(bench.all(one)).toEqual([]);
    bench.backlog.acknowledge(bench.leaseOf(0));
    expect(bench.all(one)).toEqual([1]);
  });
});

describe('an acknowledgement', () => {
  test('ahead of an earlier message takes effect with that one', () => {
    const bench = new Bench('aaa');
    const one = consumerOf('streaming pull');
    bench.all(one);
    bench.backlog.acknowledge(bench.leaseOf(2));
    bench.backlog.acknowledge(bench.leaseOf(1));
    expect([bench.ended, one.outstandingMessages]).toEqual([[], 1]);
    expect(bench.backlog.acknowledge(bench.leaseOf(0))).toBe('done');
    expect(bench.ended).toEqual([0, 1, 2]);
    expect(bench.backlog.leaseCount).toBe(0);
  });

  test('of a hundred thousand messages of a key backwards ends them all with the first', () => {
    const count = 100_000;
    const bench = new Bench('a'.repeat(count));
    bench.all(consumerOf('streaming pull'));
    const leases = [...bench.backlog.leases()];
    for (const lease of leases.toReversed()) bench.backlog.acknowledge(lease);
    expect([bench.ended.length, bench.backlog.floor]).toEqual([count, count]);
  });
});

test('holes of an earlier life keep the order of their keys', () => {
  const bench = new Bench('abab', [0, 1], 2);
  const one = consumerOf('streaming pull');
  const other = consumerOf('streaming pull');
  expect(bench.next(one)?.sequence).toBe(0);
  expect(bench.all(other)).toEqual([1, 3]);
  expect(bench.all(one)).toEqual([2]);
});

test('a message of a key goes out only behind those before it, whatever happens', async () => {
  const step = fc.record({
    do: fc.constantFrom('next', 'next', 'next', 'ack', 'ack', 'fail', 'close', 'tick', 'seek'),
    who: fc.nat(2),
    pick: fc.nat(30),
  });
  const types = fc.constantFrom<Consumer['type']>('streaming pull', 'push');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 5, maxLength: 40 }),
      fc.array(types, { minLength: 3, maxLength: 3 }),
      fc.array(step, { maxLength: 120 }),
      async (keys, kinds, steps) => {
        const bench = new Bench(keys);
        const consumers = kinds.map((type) => consumerOf(type));
        for (const { do: what, who, pick } of steps) {
          const out = [...bench.backlog.leases()].filter((lease) => lease.isOutstanding);
          const picked = out[pick % Math.max(1, out.length)];
          if (what === 'next') checkedNext(bench, consumers[who]!);
          else if (what === 'ack' && picked) bench.backlog.acknowledge(picked);
          else if (what === 'fail' && picked) bench.backlog.fail(picked);
          else if (what === 'tick') await bench.clock.advance(6_000);
          else if (what === 'seek' && pick < 2) bench.backlog.reset(pick, []);
          else if (what === 'close') {
            close(bench, consumers[who]!);
            consumers[who] = consumerOf(kinds[who]!);
          }
        }
        await bench.clock.advance(11_000);
        const last = consumerOf('streaming pull');
        for (let lease = checkedNext(bench, last); lease; lease = checkedNext(bench, last)) {
          bench.backlog.acknowledge(lease);
        }
        expect([bench.backlog.leaseCount, bench.backlog.floor]).toEqual([0, keys.length]);
      },
    ),
    { numRuns: 300 },
  );
});

/** Delivers, and checks what the order of keys promises (pubsub ordering). */
function checkedNext(bench: Bench, consumer: Consumer): Lease | undefined {
  const lease = bench.next(consumer);
  const key = lease && bench.keys[lease.sequence];
  if (lease === undefined || key === '-') return lease;
  for (const earlier of bench.backlog.leases()) {
    if (earlier.sequence >= lease.sequence) break;
    if (bench.keys[earlier.sequence] !== key) continue;
    expect(['outstanding', 'ahead']).toContain(earlier.state);
    if (earlier.isOutstanding) expect(earlier.holder).toBe(consumer);
    expect(consumer.type).not.toBe('push');
  }
  return lease;
}
