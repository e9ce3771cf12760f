import { pause } from '../../runtime/index.ts';
import type { Action } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import type { Json } from '../connection/rest-api.ts';
import { tableLines } from '../output/table.ts';
import { counted } from '../output/plain-text.ts';

const path = 'sealpost/v1/verification';
const lookMs = 500;
const findingsShown = 20;

/** As GET /sealpost/v1/verification has it. */
export interface Report extends Json {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  readonly error?: string;
  readonly parts: readonly Part[];
  readonly findings: readonly Finding[];
}

interface Part {
  readonly part: string;
  readonly expectedCount: number;
  readonly verifiedCount: number;
  readonly verifiedBytes: number;
  readonly damagedCount: number;
  readonly unreadCount: number;
}

interface Finding {
  readonly part: string;
  readonly kind: string;
  readonly where: string;
  readonly problem: string;
}

export const verify: Action = async ({ flags }, tools) => {
  const { api } = tools;
  if (flags.isSet('stop')) return tell(tools, (await api.post(`${path}:stop`, {})) as Report);
  const isLooking = flags.isSet('status');
  const report = (isLooking ? await api.get(path) : await api.post(`${path}:start`, {})) as Report;
  if (isLooking || flags.isSet('no-wait')) return tell(tools, report);
  return tell(tools, await followed(tools, report, path));
};

/** Until its end, or until Ctrl-C, which leaves the server at it. */
export async function followed(
  { api, clock, terminal, out }: Tools,
  first: Report,
  path: string,
): Promise<Report> {
  const stop = terminal.stopSignal();
  const isLive = terminal.stderr.isTTY;
  let report = first;
  while (report.state === 'running' && !stop.aborted) {
    if (isLive) terminal.stderr.write(`\r\u{1b}[K${progressLine(report)}`);
    await pause(clock, lookMs, stop);
    report = (await api.get(path)) as Report;
  }
  if (isLive) terminal.stderr.write('\r\u{1b}[K');
  if (report.state === 'running') out.note('It goes on in the server; ask again to see its end.');
  return report;
}

function progressLine({ parts }: Report): string {
  const done = sum(parts, 'verifiedCount') + sum(parts, 'damagedCount') + sum(parts, 'unreadCount');
  const now = parts.findLast((part) => part.expectedCount > 0)?.part ?? parts[0]?.part ?? '';
  const bytes = mebibytes(sum(parts, 'verifiedBytes'));
  return `${now}: ${done} of ${sum(parts, 'expectedCount')} known so far, ${bytes} MiB`;
}

/** Prints a report; the exit code says whether all is well. */
export function tell({ out }: Tools, report: Report): number {
  out.result(report, reportLines(report));
  const isWell = sum(report.parts, 'damagedCount') === 0;
  const isOver = report.state === 'done' || report.state === 'running';
  return isWell && isOver ? exitCodes.done : exitCodes.failed;
}

function reportLines(report: Report): string[] {
  const { state, parts, findings, error } = report;
  const columns = [
    { title: 'PART' },
    { title: 'VERIFIED', isNumber: true },
    { title: 'MIB', isNumber: true },
    { title: 'DAMAGED', isNumber: true },
    { title: 'UNREAD', isNumber: true },
  ];
  const rows = parts.map((part) => [
    part.part,
    String(part.verifiedCount),
    mebibytes(part.verifiedBytes),
    String(part.damagedCount),
    String(part.unreadCount),
  ]);
  return [
    ...tableLines(columns, rows),
    ...findings
      .slice(0, findingsShown)
      .map(({ kind, part, where, problem }) => `${kind}: ${part}: ${where}: ${problem}`),
    ...(findings.length > findingsShown
      ? [`… and ${findings.length - findingsShown} more: --json shows the first thousand`]
      : []),
    endings[state](report) + (error === undefined ? '' : ` ${error}`),
  ];
}

const endings: Readonly<Record<Report['state'], (report: Report) => string>> = {
  running: () => 'It is under way.',
  stopped: () => 'It was stopped before its end.',
  failed: () => 'It could not be finished:',
  done: ({ parts }) => {
    const damaged = sum(parts, 'damagedCount');
    const unread = sum(parts, 'unreadCount');
    const rest = unread === 0 ? '' : ` ${counted(unread, 'item')} could not be looked into.`;
    if (damaged > 0) return `${counted(damaged, 'item')} damaged.${rest}`;
    return `All that was found and could be opened is what was written.${rest}`;
  },
};

function sum(parts: readonly Part[], field: Exclude<keyof Part, 'part'>): number {
  return parts.reduce((total, part) => total + part[field], 0);
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
