/**
 * `npm run conformance`: the cases that any server of Pub/Sub could be put to, on a server of ours.
 *
 * `-- --endpoint HOST:PORT` puts them to the server that runs there, such as the official
 * emulator, and prints in what it differs. That takes many minutes where cases stay unanswered;
 * standard error tells which file is begun, and which is done. `--case-seconds N` gives a case up
 * earlier, or later, than after 40 s. `--report FILE` writes the differences as Markdown. Further
 * arguments choose files by a part of their names: `seek`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';

import { startVitest } from 'vitest/node';

import { ConformanceProgress } from './conformance-progress.ts';
import {
  differenceTable,
  findingsOf,
  type CaseReport,
  type Findings,
} from './conformance-report.ts';

const root = join(import.meta.dirname, '..');
const suite = join(root, 'test', 'conformance');
/** A server that never answers should not take all day to be found out. */
const caseSecondsDefault = 40;

/** Those that can be put to any server, and whose name has one of the parts. */
function caseFiles(parts: readonly string[]): string[] {
  const files = readdirSync(suite).filter((name) => name.endsWith('.test.ts'));
  return files
    .filter((name) => readFileSync(join(suite, name), 'utf8').includes('useTestedServer('))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .map((name) => join(suite, name));
}

async function run(
  files: readonly string[],
  endpoint: string,
  caseSeconds: number,
): Promise<CaseReport> {
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-conformance-'));
  const file = join(folder, 'report.json');
  process.env['CONFORMANCE_ENDPOINT'] = endpoint;
  const progress = new ConformanceProgress(files.length, (line) => console.error(line));
  const options = {
    root,
    watch: false,
    project: ['conformance'],
    reporters: [progress, 'json'],
    outputFile: { json: file },
    ...(endpoint === '' ? {} : { testTimeout: caseSeconds * 1000 }),
  };
  // What is printed is for the findings alone.
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  const vitest = await startVitest('test', [...files], options, {}, { stdout });
  await vitest.close();
  // What fails elsewhere is a difference, and no fault of this program.
  process.exitCode = 0;
  const report = JSON.parse(readFileSync(file, 'utf8')) as CaseReport;
  rmSync(folder, { recursive: true, force: true });
  return report;
}

const forewarning = (fileCount: number, endpoint: string, caseSeconds: number): string =>
  `${fileCount} files of cases for ${endpoint}. Where it does not answer, a case waits ${caseSeconds} s for it: a whole run can take many minutes.`;

function closing(findings: Findings, endpoint: string): string {
  const { sameCount, differences, incomparable } = findings;
  const where = endpoint === '' ? 'a server of ours' : endpoint;
  return `${where}: ${sameCount} cases as they should be, ${differences.length} different, ${incomparable.length} that only our own server can be put to`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      endpoint: { type: 'string', default: '' },
      report: { type: 'string' },
      'case-seconds': { type: 'string', default: String(caseSecondsDefault) },
    },
    allowPositionals: true,
  });
  const { endpoint, report } = values;
  const caseSeconds = Number(values['case-seconds']);
  if (!(caseSeconds >= 1)) throw new Error('--case-seconds takes a number of seconds from 1.');
  const files = caseFiles(positionals);
  if (files.length === 0) throw new Error(`No case file is called ${positionals.join(' or ')}.`);
  if (endpoint !== '') console.error(forewarning(files.length, endpoint, caseSeconds));
  const findings = findingsOf(await run(files, endpoint, caseSeconds));
  for (const { name, found } of findings.differences)
    console.log(`DIFFERENT ${name}\n    ${found}`);
  const summary = closing(findings, endpoint);
  console.log(`\n${summary}`);
  if (report !== undefined) {
    writeFileSync(report, `${summary}\n\n${differenceTable(findings.differences)}\n`);
  }
  // Another's differences are what was asked for; ours are faults.
  if (endpoint === '' && findings.differences.length > 0) process.exitCode = 1;
}

await main();
