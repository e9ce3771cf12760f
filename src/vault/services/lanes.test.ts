import { expect, test } from 'vitest';
import { silentLogger } from '../../runtime/index.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Gate, Lanes, type LaneTask } from './lanes.ts';

function task(run: LaneTask['run'], generation: number | null = null): LaneTask {
  return { what: 'a test', generation, run };
}

test('work on one service is in order, of several side by side', async () => {
  const lanes = new Lanes(new VirtualClock(), silentLogger);
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  lanes.add(
    'a',
    task(() => first.promise.then(() => void seen.push('a1'))),
  );
  lanes.add(
    'a',
    task(async () => void seen.push('a2')),
  );
  lanes.add(
    'b',
    task(async () => void seen.push('b1')),
  );
  await Promise.resolve();
  expect(seen).toEqual(['b1']);
  first.resolve();
  await lanes.idle();
  expect(seen).toEqual(['b1', 'a1', 'a2']);
});

test('what throws is tried again, ever more rarely', async () => {
  const clock = new VirtualClock();
  const lanes = new Lanes(clock, silentLogger);
  const times: number[] = [];
  lanes.add(
    'a',
    task(async () => {
      times.push(clock.monotonicMs());
      if (times.length < 4) throw new Error('the disk');
    }),
  );
  await clock.advance(60_000);
  expect(times).toEqual([0, 1_000, 3_000, 7_000]);
  await lanes.idle();
});

test('only what an earlier generation asked for is interrupted', async () => {
  const lanes = new Lanes(new VirtualClock(), silentLogger);
  const ended: (number | null)[] = [];
  const untilAborted = (generation: number | null): LaneTask =>
    task((signal) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => {
        ended.push(generation);
        resolve();
      });
      return promise;
    }, generation);
  for (const generation of [3, null]) lanes.add('a', untilAborted(generation));
  lanes.interrupt('a', 3);
  lanes.interrupt('b', 9);
  expect(ended).toEqual([]);
  lanes.interrupt('a', 4);
  await new VirtualClock().settle();
  lanes.interrupt('a', Infinity);
  expect(ended).toEqual([3]);
  await lanes.stop();
  expect(ended).toEqual([3, null]);
  lanes.add('a', untilAborted(5));
  await lanes.idle();
});

test('a gate lets as many in as it is wide, in order, also after failures', async () => {
  const gate = new Gate(2);
  const entered: number[] = [];
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const runs = ends.map(({ promise }, index) =>
    gate.run(() => {
      entered.push(index);
      return promise;
    }),
  );
  const settled = Promise.allSettled(runs);
  await Promise.resolve();
  expect(entered).toEqual([0, 1]);
  ends[1]!.reject(new Error('x'));
  await new VirtualClock().settle();
  expect(entered).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  const outcomes = (await settled).map(({ status }) => status);
  expect(outcomes).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(entered).toEqual([0, 1, 2, 3]);
});
