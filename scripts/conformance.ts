/**
 * `npm run conformance`: the cases that any server of Pub/Sub could be put to, on a server of ours.
 *
 * `-- --endpoint HOST:PORT` puts them to the server that runs there, such as the official
 * emulator, and prints in what it differs; standard error tells which file is begun, and which is
 * done. A server that answers nothing any more is given up: what was not put to it is counted.
 * Further arguments choose files by a part of their names: `seek`. Options:
 *
 * - `--pubsub-only` leaves out the cases of the key management service.
 * - `--case-seconds N` gives a case up earlier, or later, than after 40 s, and
 *   `--wait-seconds N` leaves out those that wait longer of themselves than N, or than 25 s.
 * - `--only FILE` puts only the cases whose full names are in that JSON array.
 * - `--report FILE` writes the differences as Markdown, `--record FILE` every case as JSON.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';

import { startVitest } from 'vitest/node';

import { caseFiles } from './conformance-cases.ts';
import { silentWires } from './conformance-probe.ts';
import { ConformanceProgress } from './conformance-progress.ts';
import {
  caseRecords,
  differenceTable,
  findingsOf,
  type CaseReport,
  type Findings,
  type RunRecord,
} from './conformance-report.ts';

const root = join(import.meta.dirname, '..');
/** How long a server that left a case unanswered may take for the plainest calls: it may be busy. */
const probeSeconds = 15;

interface Plan {
  readonly files: readonly string[];
  /** '': a server of ours. */
  readonly endpoint: string;
  readonly caseSeconds: number;
  readonly waitSeconds: string;
  /** Full names; undefined: all. */
  readonly only: readonly string[] | undefined;
}

interface Run {
  readonly report: CaseReport;
  readonly gaveUp: GaveUp | undefined;
}

type GaveUp = NonNullable<RunRecord['gaveUp']>;

/** Cancels the run at the first case after which the server answers nothing any more. */
class Watch {
  gaveUp: GaveUp | undefined;
  readonly #endpoint: string;
  #probing: Promise<void> = Promise.resolve();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  unanswered(caseName: string, cancel: () => Promise<void>): void {
    if (this.#endpoint !== '')
      this.#probing = this.#probing.then(() => this.#probe(caseName, cancel));
  }

  async settled(): Promise<void> {
    await this.#probing;
  }

  async #probe(caseName: string, cancel: () => Promise<void>): Promise<void> {
    if (this.gaveUp !== undefined) return;
    const silent = await silentWires(this.#endpoint, probeSeconds);
    if (silent.length === 0) return;
    this.gaveUp = { after: caseName, silent };
    void cancel();
  }
}

/** Exactly these names: reports join suites and case by a space, patterns are tried on ` > `. */
function patternOf(names: readonly string[]): RegExp {
  const literally = (name: string): string =>
    name.replaceAll(/[^\p{L}\p{N}\s]/gv, String.raw`\$&`).replaceAll(' ', '(?: >)? ');
  return new RegExp(`^(?:${names.map(literally).join('|')})$`);
}

async function run({ files, endpoint, caseSeconds, waitSeconds, only }: Plan): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-conformance-'));
  const file = join(folder, 'report.json');
  process.env['CONFORMANCE_ENDPOINT'] = endpoint;
  process.env['CONFORMANCE_WAIT_SECONDS'] = waitSeconds;
  const watch = new Watch(endpoint);
  const progress = new ConformanceProgress(
    files.length,
    (line) => console.error(line),
    (name, vitest) => watch.unanswered(name, () => vitest.cancelCurrentRun('test-failure')),
  );
  const options = {
    root,
    watch: false,
    project: ['conformance'],
    reporters: [progress, 'json'],
    outputFile: { json: file },
    ...(only === undefined ? {} : { testNamePattern: patternOf(only) }),
    ...(endpoint === '' ? {} : { testTimeout: caseSeconds * 1000 }),
  };
  // What is printed is for the findings alone.
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const vitest = await startVitest('test', [...files], options, {}, { stdout });
  await watch.settled();
  await vitest.close();
  // What fails elsewhere is a difference, and no fault of this program.
  process.exitCode = 0;
  const report = JSON.parse(readFileSync(file, 'utf8')) as CaseReport;
  rmSync(folder, { recursive: true, force: true });
  return { report, gaveUp: watch.gaveUp };
}

const forewarning = ({ files, endpoint, caseSeconds }: Plan): string =>
  `${files.length} files of cases for ${endpoint}. Where it does not answer, a case waits ${caseSeconds} s for it: a whole run can take many minutes.`;

function closing(findings: Findings, endpoint: string, gaveUp: GaveUp | undefined): string {
  const { sameCount, differences, incomparable } = findings;
  const where = endpoint === '' ? 'a server of ours' : endpoint;
  const counts = `${where}: ${sameCount} cases as they should be, ${differences.length} different, ${incomparable.length} that only our own server can be put to`;
  if (gaveUp === undefined) return counts;
  return `${counts}; nothing is answered over ${gaveUp.silent.join(' and ')} after: ${gaveUp.after}`;
}

function planOf(): Plan & { readonly report?: string; readonly record?: string } {
  const { values, positionals } = parseArgs({
    options: {
      endpoint: { type: 'string', default: '' },
      'pubsub-only': { type: 'boolean', default: false },
      'case-seconds': { type: 'string', default: '40' },
      'wait-seconds': { type: 'string', default: '25' },
      only: { type: 'string' },
      report: { type: 'string' },
      record: { type: 'string' },
    },
    allowPositionals: true,
  });
  const { endpoint, report, record, only } = values;
  const caseSeconds = Number(values['case-seconds']);
  if (!(caseSeconds >= 1)) throw new Error('--case-seconds takes a number of seconds from 1.');
  const waitSeconds = values['wait-seconds'];
  if (!(Number(waitSeconds) >= 0)) throw new Error('--wait-seconds takes a number of seconds.');
  const files = caseFiles({ parts: positionals, isPubSubOnly: values['pubsub-only'] });
  if (files.length === 0) throw new Error(`No case file is called ${positionals.join(' or ')}.`);
  return {
    files,
    endpoint,
    caseSeconds,
    waitSeconds,
    only: only === undefined ? undefined : (JSON.parse(readFileSync(only, 'utf8')) as string[]),
    ...(report === undefined ? {} : { report }),
    ...(record === undefined ? {} : { record }),
  };
}

async function main(): Promise<void> {
  const plan = planOf();
  if (plan.endpoint !== '') console.error(forewarning(plan));
  const { report, gaveUp } = await run(plan);
  const findings = findingsOf(report);
  for (const { name, found } of findings.differences)
    console.log(`DIFFERENT ${name}\n    ${found}`);
  const summary = closing(findings, plan.endpoint, gaveUp);
  console.log(`\n${summary}`);
  if (plan.report !== undefined) {
    writeFileSync(plan.report, `${summary}\n\n${differenceTable(findings.differences)}\n`);
  }
  if (plan.record !== undefined) {
    const record: RunRecord = { cases: caseRecords(report), gaveUp };
    writeFileSync(plan.record, JSON.stringify(record));
  }
  // Another's differences are what was asked for; ours are faults.
  if (plan.endpoint === '' && findings.differences.length > 0) process.exitCode = 1;
}

await main();
// A server that answers nothing would keep the calls to it, and with them this process, open.
process.exit();
