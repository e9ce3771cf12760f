/**
 * `npm run crash -- --kills N --seed S --minutes M`: kills servers and looks at what is left. With
 * `--kms` it is the life of keys that is interrupted, between all of its steps and at random.
 * test/crash/README.md says what is killed, where, and what is checked.
 */
import { parseArgs } from 'node:util';
import { runCampaign, type CampaignReport } from './campaign.ts';
import { runKmsRounds } from './kms-rounds.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    kms: { type: 'boolean', default: false },
  },
});

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}"`);
  return value;
}

function summary(report: CampaignReport): string {
  const { kills, killCount, seconds, readyMsMax, answered, delivered, acked } = report;
  const rows = [...kills].map(
    ([name, count]) => `  ${name.padEnd(28)}${String(count).padStart(6)}`,
  );
  return [
    '\nkilled at',
    ...rows,
    '',
    `${killCount} kills in ${seconds.toFixed(0)} s (${(killCount / seconds).toFixed(2)} a second)`,
    `slowest start ${readyMsMax.toFixed(0)} ms; seed ${report.seed}`,
    `${answered} messages answered, ${delivered} deliveries, ${acked} acks answered`,
    report.violations.length === 0 ? 'nothing was broken' : `BROKEN: ${report.violations[0]}`,
  ].join('\n');
}

const seed = values.seed === undefined ? Date.now() % 1_000_000 : numberOf('seed', values.seed);
console.log(`seed ${seed}`);
const options = {
  kills: numberOf('kills', values.kills),
  seed,
  ...(values.minutes === undefined ? {} : { minutes: numberOf('minutes', values.minutes) }),
  print: (line: string): void => console.log(line),
};
if (values.kms) process.exit((await runKmsRounds(options)) ? 0 : 1);
const report = await runCampaign(options);
console.log(summary(report));
process.exit(report.violations.length === 0 ? 0 : 1);
