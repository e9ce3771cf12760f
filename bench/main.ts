import { SystemClock } from '../src/runtime/index.ts';
import { Bed } from './bed.ts';
import { describeMachine } from './machine.ts';
import type { Row } from './measurement.ts';
import { benchUsage, parseOptions, type BenchOptions } from './options.ts';
import { markdown, writeReport } from './report.ts';
import { disk } from './scenarios/disk.ts';
import { drain } from './scenarios/drain.ts';
import { latency } from './scenarios/latency.ts';
import { publishBatch, publishOne } from './scenarios/publish.ts';
import { push } from './scenarios/push.ts';
import { ready } from './scenarios/ready.ts';
import {
  webSocketBatch,
  webSocketDrain,
  webSocketFanout,
  webSocketOne,
} from './scenarios/websocket.ts';

/** In the order in which they run. */
const scenarios: Readonly<Record<string, (bed: Bed) => Promise<Row[]>>> = {
  'publish-one': publishOne,
  'publish-batch': publishBatch,
  drain,
  'websocket-one': webSocketOne,
  'websocket-batch': webSocketBatch,
  'websocket-drain': webSocketDrain,
  'websocket-fanout': webSocketFanout,
  push,
  latency,
  ready,
  disk,
};

async function bench(options: BenchOptions, argv: readonly string[]): Promise<void> {
  const names = options.scenarios.length > 0 ? options.scenarios : Object.keys(scenarios);
  const rows: Row[] = [];
  for (const name of names) {
    await using bed = new Bed(options, (line) => console.log(line));
    rows.push(...(await scenarios[name]!(bed)));
  }
  const report = {
    date: new Date(new SystemClock().wallMs()).toISOString().slice(0, 10),
    command: ['npm run bench --', ...argv].join(' '),
    machine: describeMachine(),
    rows,
    isSmoke: options.isSmoke,
  };
  console.log(`\n${markdown(report)}`);
  const wrong = rows.flatMap(({ scenario, subject, samples }) =>
    samples.filter(({ note }) => note?.includes('failed')).map(() => `${scenario} ${subject}`),
  );
  if (wrong.length > 0) throw new Error(`Requests failed in: ${[...new Set(wrong)].join(', ')}.`);
  if (options.resultsDirectory !== null) {
    console.log(`Written to ${writeReport(report, options.resultsDirectory)}`);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv, Object.keys(scenarios));
    if (options === null) console.log(benchUsage);
    else await bench(options, argv);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
// What a failed scenario left running must not keep the bench alive: leaving ends it.
process.exit(await main(process.argv.slice(2)));
