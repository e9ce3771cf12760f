import { parseArgs } from 'node:util';

import { programOf } from './program.ts';
import { run } from './run.ts';
import { failureOf, shrunk, storyOf } from './shrink.ts';

/**
 * The simulation by hand: `--seeds N [--from S] [--steps M]` runs many and tells what failed, each
 * with its shortest program; `--seed S [--verbose]` runs one.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '120' },
    verbose: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    'failures-max': { type: 'string', default: '5' },
  },
});
const steps = Number(values.steps);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;

if (values.verbose) {
  const report = await run({
    seed: first,
    program: programOf(first, steps),
    onStep: (index, { action }, story) => console.log(`${index} ${action}: ${story}`),
  });
  console.log(report);
} else process.exitCode = (await runMany()) === 0 ? 0 : 1;

async function runMany(): Promise<number> {
  const started = process.hrtime.bigint();
  let failures = 0;
  for (let seed = first; seed < first + count; seed++) {
    const failure = await failureOf({ seed, program: programOf(seed, steps) });
    if (failure !== null) {
      failures++;
      const best = values['no-shrink'] ? failure : await shrunk(failure, { seed });
      console.log(values['no-shrink'] ? best.error.message : await storyOf(best, { seed }));
      if (failures >= Number(values['failures-max'])) break;
    }
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const done = seed - first + 1;
    if (done % 50 === 0) {
      const rate = Math.round((done / seconds) * 60);
      console.log(`${done} of ${count} seeds, ${failures} failed, ${rate} a minute`);
    }
  }
  console.log(`${failures} of ${count} seeds failed.`);
  return failures;
}
