import { parseArgs } from 'node:util';

import { BrokerRun } from './broker-run.ts';

/** One seed of the broker's simulation, step by step: `--seed N --steps M [--verbose]`. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '300' },
    verbose: { type: 'boolean', default: false },
  },
});
const log = (step: number, action: string): void => console.log(`${step} ${action}`);
const run = new BrokerRun({
  seed: Number(values.seed),
  steps: Number(values.steps),
  ...(values.verbose ? { onStep: log } : {}),
});
console.log(await run.run());
