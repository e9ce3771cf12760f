import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge, type Verdict } from './goals.ts';
import type { Machine } from './machine.ts';
import { median, spread, type Row, type Unit } from './measurement.ts';
import { plot } from './plot.ts';

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  /** A run so short that its numbers say nothing: they are held against no goal. */
  readonly isSmoke: boolean;
}

type Cell = readonly [text: string, align?: 'right'];

/** The whole report as Markdown: what the terminal shows and what the file holds. */
export function markdown({ date, command, machine, rows, isSmoke }: Report): string {
  const commit = `${machine.commit}${machine.isModified ? ' with uncommitted changes' : ''}`;
  return [
    `# Bench of ${date}`,
    '',
    `Commit ${commit}, \`${command}\`. ${String(machine.cores)} cores (${machine.model}),`,
    `${String(machine.memoryGiB)} GiB, ${machine.system}, Node ${machine.node}, ${machine.disk}.`,
    'Median of the repetitions; spread is half their range.',
    '',
    ...table(
      [
        ['scenario'],
        ['subject'],
        ['median', 'right'],
        ['unit'],
        ['spread', 'right'],
        ['p50 ms', 'right'],
        ['p99 ms', 'right'],
        ['note'],
      ],
      rows.map(cells),
    ),
    '',
    ...(isSmoke ? ['A smoke run: no verdicts.'] : verdicts(rows)),
    '',
  ].join('\n');
}

function verdicts(rows: readonly Row[]): string[] {
  return table(
    [['scenario'], ['goal'], ['measured', 'right'], ['target', 'right'], ['verdict']],
    judge(rows).map(verdictCells),
  );
}

function cells({ scenario, subject, unit, samples, skipped }: Row): string[] {
  if (samples.length === 0) {
    return [scenario, subject, '-', unit, '-', '-', '-', `skipped: ${skipped ?? 'no sample'}`];
  }
  const values = samples.map(({ value }) => value);
  const notes = new Set(samples.map(({ note }) => note ?? '').filter(Boolean));
  return [
    scenario,
    subject,
    amount(median(values), unit),
    unit,
    samples.length > 1 ? `${(spread(values) * 100).toFixed(0)} %` : '-',
    middleOf(samples.map(({ p50Ms }) => p50Ms)),
    middleOf(samples.map(({ p99Ms }) => p99Ms)),
    [...notes].join('; '),
  ];
}

function verdictCells({ scenario, goal, measured, target, isMet, unit }: Verdict): string[] {
  const verdict = isMet === null ? 'not measured' : isMet ? 'PASS' : 'short';
  const digits = unit === 'bytes' ? 0 : 2;
  const shown = Number.isNaN(measured) ? '-' : `${measured.toFixed(digits)} ${unit}`;
  return [scenario, goal, shown, `${String(target)} ${unit}`, verdict];
}

function amount(value: number, unit: Unit): string {
  return unit === 'ms' || unit === 's' ? value.toFixed(3) : value.toFixed(0);
}

function middleOf(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? '-' : median(known).toFixed(2);
}

/** A Markdown table that is also aligned when it is read as plain text. */
function table(head: readonly Cell[], rows: readonly string[][]): string[] {
  const widths = head.map(([text], n) =>
    Math.max(text.length, 3, ...rows.map((row) => row[n]!.length)),
  );
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, n) =>
      head[n]![1] === 'right' ? text.padStart(widths[n]!) : text.padEnd(widths[n]!),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = head.map(([, align], n) =>
    align === 'right' ? `${'-'.repeat(widths[n]! - 1)}:` : '-'.repeat(widths[n]!),
  );
  return [line(head.map(([text]) => text)), `| ${rule.join(' | ')} |`, ...rows.map(line)];
}

/** Writes DIR/DATE-COMMIT.md, .json and .svg; returns the first. */
export function writeReport(report: Report, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const base = join(directory, `${report.date}-${report.machine.commit}`);
  const picture = `${report.date}-${report.machine.commit}.svg`;
  writeFileSync(`${base}.md`, `${markdown(report)}\n![The medians as bars](${picture})\n`);
  writeFileSync(`${base}.svg`, plot(report.rows));
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  return `${base}.md`;
}
