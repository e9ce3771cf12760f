/**
 * `npm run emulator`: puts the conformance suite to the official emulator, where it is
 * installed, and writes docs/emulator-differences.md: what differs, and why ours is right.
 *
 * An argument names the report of an earlier `npm run conformance -- --report FILE` instead. A
 * difference that no reason of `emulator-reasons.ts` covers is listed at the end, and fails the run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmulator } from '../bench/servers/peers.ts';
import { reasons } from './emulator-reasons.ts';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs', 'emulator-differences.md');
const mark = '<!-- generated below by npm run emulator -->';

interface Row {
  readonly name: string;
  readonly found: string;
}

/** The rows of the report's table; the report's first line is its summary. */
function rowsOf(report: string): Row[] {
  return [...report.matchAll(/^\| (.*?[^\\]) \| (.*) \|$/gm)]
    .map(([, name = '', found = '']) => ({ name, found }))
    .filter(({ name }) => name !== 'case')
    .map(({ name, found }) => ({ name: name.replace(/ over (gRPC|REST)\b/, ''), found }))
    .filter(isFirst);
}

/** The same case over the other wire is no second difference. */
function isFirst({ name }: Row, index: number, rows: readonly Row[]): boolean {
  return rows.findIndex((row) => row.name === name) === index;
}

/** The report of one run against an emulator that is started for it. */
async function reportOfEmulator(): Promise<string> {
  const emulator = await startEmulator();
  const folder = mkdtempSync(join(tmpdir(), 'sealpost-emulator-'));
  const file = join(folder, 'report.md');
  const conformance = join(root, 'scripts', 'conformance.ts');
  // Hundreds of cases wait for what it never does.
  const patience = ['--case-seconds', '6'];
  const argv = [conformance, '--endpoint', emulator.address, '--report', file, ...patience];
  try {
    spawnSync(process.execPath, argv, { stdio: 'inherit' });
    return readFileSync(file, 'utf8');
  } finally {
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function section(title: string, why: string, rows: readonly Row[]): string {
  const lines = rows.map(({ name, found }) => `| ${name} | ${found} |`);
  return [`### ${title}`, '', why, '', '| case | found |', '|---|---|', ...lines, ''].join('\n');
}

function pageOf(report: string): { readonly text: string; readonly unexplained: number } {
  const [summary = ''] = report.split('\n');
  const left = new Set(rowsOf(report));
  const sections = reasons.flatMap(({ title, why, covers }) => {
    const rows = [...left].filter((row) => covers.test(`${row.name} | ${row.found}`));
    for (const row of rows) left.delete(row);
    return rows.length === 0 ? [] : [section(title, why, rows)];
  });
  if (left.size > 0)
    sections.push(section('Without a reason yet', 'To be looked into.', [...left]));
  const head = readFileSync(page, 'utf8').split(mark)[0] ?? '';
  const result = summary.replace(/^[\d.:]+: /, '');
  const text = `${head}${mark}\n\nThe last run: ${result}.\n\n${sections.join('\n')}`;
  return { text, unexplained: left.size };
}

const [given] = process.argv.slice(2);
const report = given === undefined ? await reportOfEmulator() : readFileSync(given, 'utf8');
const { text, unexplained } = pageOf(report);
writeFileSync(page, text);
console.log(`${unexplained} differences without a reason`);
process.exitCode = unexplained === 0 ? 0 : 1;
