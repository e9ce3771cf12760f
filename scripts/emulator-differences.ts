/**
 * `npm run emulator`: puts the cases of Pub/Sub of the conformance suite to the official emulator,
 * where it is installed, and writes docs/emulator-differences.md: what differs, and why ours is
 * right; and which cases the emulator does not survive.
 *
 * `-- --results FILE` keeps what was found as JSON, and `-- FILE` writes the page from such a file
 * without a run. A difference that no reason of `emulator-reasons.ts` covers is listed at the end,
 * and fails the run, as do cases that could not be put in time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

import { SystemClock } from '../src/runtime/index.ts';
import { caseFiles } from './conformance-cases.ts';
import { differenceTable, type CaseRecord, type Difference } from './conformance-report.ts';
import { reasons } from './emulator-reasons.ts';
import { EmulatorRounds, type FileResult, type Wedge } from './emulator-rounds.ts';

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs', 'emulator-differences.md');
const mark = '<!-- generated below by npm run emulator -->';
/** Most of the time is waited for answers that do not come. */
const lanes = 3;
const minutesMax = 14;

const clock = new SystemClock();

/** The results of every file: the longest first, so that no lane ends long after the others. */
async function resultsOfEmulator(): Promise<FileResult[]> {
  const size = (file: string): number => readFileSync(file).length;
  const files = caseFiles({ parts: [], isPubSubOnly: true });
  const left = files.toSorted((a, b) => size(b) - size(a));
  const endMs = clock.monotonicMs() + minutesMax * 60_000;
  const results: FileResult[] = [];
  const lane = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      results.push(await new EmulatorRounds(file, endMs).run());
      console.error(`${results.length} of ${files.length} files done: ${basename(file)}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** What was found over both wires, or in several rows of a table, is listed once. */
function withoutRepeats<Named extends { readonly name: string }>(all: readonly Named[]): Named[] {
  const names = new Set(all.map(({ name }) => name));
  const onBoth = (name: string): boolean =>
    [name.replace(overWire, '$1over gRPC'), name.replace(overWire, '$1over REST')].every((each) =>
      names.has(each),
    );
  const renamed = all.map((each) =>
    onBoth(each.name) ? { ...each, name: each.name.replace(overWire, '').trimStart() } : each,
  );
  return [...new Map(renamed.toReversed().map((each) => [each.name, each])).values()].toReversed();
}

const overWire = /(^| )over (?:gRPC|REST)\b/;

function section(title: string, why: string, rows: readonly Difference[]): string {
  return [`### ${title}`, '', why, '', differenceTable(rows), ''].join('\n');
}

function wedgeSection(wedges: readonly Wedge[]): string[] {
  const rows = withoutRepeats(wedges.filter(({ isAlone }) => isAlone)).map(({ name, silent }) => ({
    name,
    found: silent.join(' and '),
  }));
  if (rows.length === 0) return [];
  const why =
    'Put alone to an emulator of its own, each of these is left unanswered, and a plain publish and pull afterwards too, over the wires named, until the emulator is started anew.';
  return [section('After which nothing is answered', why, rows)];
}

/** The sections by reason, and what no reason covers. */
function reasonSections(rows: readonly CaseRecord[]): [sections: string[], unexplained: number] {
  const left = new Set(rows);
  const sections = reasons.flatMap(({ title, why, covers }) => {
    const covered = [...left].filter(({ name, found }) => covers.test(`${name} | ${found}`));
    for (const row of covered) left.delete(row);
    return covered.length === 0 ? [] : [section(title, why, covered)];
  });
  if (left.size > 0)
    sections.push(section('Without a reason yet', 'To be looked into.', [...left]));
  return [sections, left.size];
}

function writePage(results: readonly FileResult[]): void {
  const cases = results.flatMap(({ cases: each }) => each);
  const of = (status: CaseRecord['status']): CaseRecord[] =>
    cases.filter((each) => each.status === status);
  const wedges = results.flatMap(({ wedges: each }) => each);
  const [sections, unexplained] = reasonSections(withoutRepeats(of('different')));
  const skipped = of('skipped').length;
  const summary = [
    `The last run: ${of('same').length} cases as they should be, ${of('different').length} different,`,
    `${of('incomparable').length} that only our own server can be put to (its clock, its restart, its metrics)`,
    ...(skipped === 0 ? [] : [`, and ${skipped} that could not be put in time`]),
  ].join(' ');
  const head = readFileSync(page, 'utf8').split(mark)[0] ?? '';
  const parts = [`${head}${mark}\n\n${summary}.\n`, ...wedgeSection(wedges), ...sections];
  writeFileSync(page, parts.join('\n'));
  console.log(`${unexplained} differences without a reason, ${skipped} cases not put`);
  process.exitCode = unexplained + skipped === 0 ? 0 : 1;
}

const { values, positionals } = parseArgs({
  options: { results: { type: 'string' } },
  allowPositionals: true,
});
const [given] = positionals;
const results =
  given === undefined
    ? await resultsOfEmulator()
    : (JSON.parse(readFileSync(given, 'utf8')) as FileResult[]);
if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(results));
writePage(results);
