import { resolve } from 'node:path';
import { pause } from '../../runtime/index.ts';
import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { exitCodes } from '../command/exit-codes.ts';
import type { Tools } from '../command/tools.ts';
import { type Json, textIn } from '../connection/rest-api.ts';
import { keptApart, liveLine, mebibytes, progressText } from './backup-lines.ts';

const path = 'sealpost/v1/backups';
const lookMs = 300;

export const backup: Action = async ({ arguments: [directory], flags }, tools) => {
  const { api } = tools;
  if (flags.isSet('stop')) return tell(tools, await api.post(`${path}:stop`, {}));
  if (flags.isSet('status')) return tell(tools, await api.get(path));
  if (directory === undefined) throw usageError('Say where: sealpost backup DIR.');
  // The server's working directory is another.
  const report = await api.post(path, { directory: resolve(directory) });
  return tell(tools, flags.isSet('no-wait') ? report : await followed(tools, report));
};

/** Until its end, or until Ctrl-C, which leaves the server at it. */
async function followed({ api, clock, terminal, out }: Tools, first: Json): Promise<Json> {
  const stop = terminal.stopSignal();
  const line = liveLine(terminal.stderr);
  let report = first;
  while (isRunning(report) && !stop.aborted) {
    line.show(progressOf(report));
    await pause(clock, lookMs, stop);
    report = await api.get(path);
  }
  line.clear();
  if (isRunning(report))
    out.note('It goes on in the server; --status shows its end, --stop ends it.');
  return report;
}

function tell({ out }: Tools, report: Json): number {
  out.result(report, reportLines(report));
  const isWell = isRunning(report) || textIn(report, 'state') === 'done';
  return isWell ? exitCodes.done : exitCodes.failed;
}

function reportLines(report: Json): string[] {
  const directory = textIn(report, 'directory');
  switch (textIn(report, 'state')) {
    case 'done':
      return [`${directory}: ${mebibytes(Number(report['bytes']))} MiB, whole.`, keptApart];
    case 'running':
      return [`${directory}: ${progressOf(report)}.`];
    case 'stopped':
      return [`${directory}: stopped; nothing is left of it.`];
    default:
      return [`${directory}: failed; nothing is left of it.`, textIn(report, 'error')];
  }
}

const isRunning = (report: Json): boolean => textIn(report, 'state') === 'running';

function progressOf(report: Json): string {
  return progressText(Number(report['bytes']), Number(report['totalBytes']));
}
