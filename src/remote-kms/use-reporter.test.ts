import { expect, test } from 'vitest';

import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { silentLogger } from '../runtime/index.ts';
import type { ReportedUse } from './index.ts';
import { UseReporter } from './use-reporter.ts';
import { reportIntervalMs } from './remote-limits.ts';

/** A reporter whose looks at the store last until the test ends them. */
function openBench(): {
  readonly clock: VirtualClock;
  readonly reporter: UseReporter;
  readonly looks: ((uses: ReportedUse[]) => void)[];
  readonly sent: () => number;
} {
  const clock = new VirtualClock();
  const looks: ((uses: ReportedUse[]) => void)[] = [];
  let sent = 0;
  const reporter = new UseReporter({
    channel: { unary: async () => void sent++ as never },
    watcherId: 'one',
    source: () => new Promise((resolve) => looks.push(resolve)),
    clock,
    log: silentLogger,
  });
  return { clock, reporter, looks, sent: () => sent };
}

test('a watch that is opened again during a report is told anew, and then regularly', async () => {
  const { clock, reporter, looks, sent } = openBench();
  reporter.start();
  await clock.advance(0);
  expect(looks).toHaveLength(1);
  reporter.stop();
  reporter.start();
  looks[0]!([]);
  await clock.advance(1_000);
  expect(looks).toHaveLength(2);
  looks[1]!([]);
  await clock.advance(reportIntervalMs);
  expect(looks).toHaveLength(3);
  reporter.changed();
  looks[2]!([]);
  await clock.advance(1_000);
  expect(looks).toHaveLength(4);
  reporter.stop();
  looks[3]!([]);
  await clock.advance(2 * reportIntervalMs);
  expect(looks).toHaveLength(4);
  expect(sent()).toBe(4);
});

test('a watch that stays closed during a report is told nothing more', async () => {
  const { clock, reporter, looks } = openBench();
  reporter.start();
  await clock.advance(0);
  reporter.stop();
  looks[0]!([]);
  await clock.advance(2 * reportIntervalMs);
  expect(looks).toHaveLength(1);
});

test('after a report that took long, whatever happens, there is a pause of ten times as long', async () => {
  const { clock, reporter, looks } = openBench();
  reporter.start();
  await clock.advance(0);
  await clock.advance(4_000);
  reporter.changed();
  looks[0]!([]);
  await clock.advance(0);
  reporter.changed();
  reporter.stop();
  reporter.start();
  await clock.advance(20_000);
  reporter.changed();
  await clock.advance(19_999);
  expect(looks).toHaveLength(1);
  await clock.advance(1);
  expect(looks).toHaveLength(2);
});

test('reports that take longer than the usual pause never take more than a tenth of the time', async () => {
  const { clock, reporter, looks } = openBench();
  reporter.start();
  await clock.advance(0);
  let spentMs = 0;
  for (const ms of [9_000, 30_000, 12_000]) {
    const count = looks.length;
    await clock.advance(ms);
    spentMs += ms;
    looks.at(-1)!([]);
    for (let s = 0; s < ms / 100 - 1; s++) {
      reporter.changed();
      await clock.advance(1_000);
      expect(looks).toHaveLength(count);
    }
    await clock.advance(1_000);
    expect(looks).toHaveLength(count + 1);
  }
  expect(spentMs * 10).toBeLessThan(clock.monotonicMs());
});
