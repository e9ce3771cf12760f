import { describe, expect, test } from 'vitest';

import { canaries, type Canary } from './driver/canary.ts';
import type { RunReport } from './driver/world.ts';
import { programOf } from './program.ts';
import { failureOf, outcomeOf, shrunk, storyOf } from './shrink.ts';
import { trackRecord } from './track-record.ts';

const steps = 100;
const seeds = Array.from({ length: 100 }, (_, i) => i + 1);

test('a hundred random programs behave as the model does', async () => {
  const totals: Partial<Record<keyof RunReport, number>> = {};
  for (const seed of seeds) {
    const outcome = await outcomeOf({ seed, program: programOf(seed, steps) });
    if (outcome.failure !== null) {
      const shortest = await shrunk(outcome.failure, { seed }, 60);
      throw new Error(await storyOf(shortest, { seed }));
    }
    const { report } = outcome;
    for (const name of Object.keys(report) as (keyof RunReport)[]) {
      totals[name] = (totals[name] ?? 0) + report[name];
    }
  }
  // Far below what they do, far above what a run does that mostly gives up.
  expect(totals.published).toBeGreaterThan(4_000);
  expect(totals.delivered).toBeGreaterThan(4_000);
  expect(totals.acked).toBeGreaterThan(2_000);
  expect(totals.refused).toBeGreaterThan(200);
  expect(totals.restarts).toBeGreaterThan(200);
  expect(totals.seeks).toBeGreaterThan(50);
  expect(totals.deadLetters).toBeGreaterThan(50);
  expect(totals.filtered).toBeGreaterThan(100);
});

describe('what was found once is not found again', () => {
  test.each(trackRecord.map(({ found, ...rest }) => [found, rest] as const))(
    '%s',
    async (_, old) => {
      const failure = await failureOf({ seed: old.seed, program: old.program });
      expect(failure?.error.message).toBeUndefined();
    },
  );
});

/** How the first seed that notices fails, as short as it can be said. */
async function firstComplaint(make: () => Canary): Promise<string> {
  for (const seed of seeds) {
    const program = programOf(seed, steps);
    const failure = await failureOf({ seed, program, canary: make() });
    if (failure !== null) return failure.error.message;
  }
  return 'nobody noticed';
}

describe('a planted bug is found by one of the hundred', () => {
  test.each(canaries.map((make) => [make().name, make] as const))('%s', async (_, make) => {
    const complaint = await firstComplaint(make);
    expect(complaint).toMatch(/^seed \d+, (step \d+|the end)/);
  });
});
