import { printEntries } from '../audit/log-entries.ts';
import type { Action } from '../command/command-spec.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { pointInTime } from '../resources/point-in-time.ts';
import { objectIn, serviceAt, serviceName } from './knative.ts';

/** Wide enough for all that comes, so that lines which follow stand below each other. */
const widths = { time: 18, revision: 9, log: 8, severity: 8 };
const logColumns = ['TIME (UTC)', 'REVISION', 'LOG', 'SEVERITY', 'TEXT'].map((title) => ({
  title,
}));

export const showLogs: Action = async ({ arguments: [id = ''], flags }, tools) => {
  // A service that was deleted still has its log, and nobody has one without a vault.
  await serviceAt(tools, serviceName(id, flags, tools));
  const region = flags.text('region');
  const since = flags.text('since');
  const nowMs = tools.clock.wallMs();
  const parts = [
    'resource.type="cloud_run_revision"',
    'logName:"run.googleapis.com"',
    `resource.labels.service_name="${id}"`,
    region === undefined ? '' : `resource.labels.location=${JSON.stringify(region)}`,
    since === undefined ? '' : `timestamp>="${pointInTime('since', since, nowMs, 'ago')}"`,
  ];
  const query = {
    filter: parts.filter((part) => part !== '').join(' AND '),
    limit: flags.number('limit'),
    isFollowing: flags.isSet('follow'),
  };
  const empty = `The log of ${id} has no such lines.`;
  const cells = (entry: Json): string[] => logCells(entry, id);
  await printEntries(tools, query, { columns: logColumns, cells, empty });
};

function logCells(entry: Json, id: string): string[] {
  const revision = textIn(objectIn(entry, 'resource', 'labels'), 'revision_name');
  const log = decodeURIComponent(textIn(entry, 'logName')).replace(/^.*\//, '');
  const severity = textIn(entry, 'severity');
  return [
    timeOf(textIn(entry, 'timestamp')).padEnd(widths.time),
    (revision.startsWith(`${id}-`) ? revision.slice(id.length + 1) : revision).padEnd(
      widths.revision,
    ),
    log.padEnd(widths.log),
    (severity === 'DEFAULT' ? '' : severity).padEnd(widths.severity),
    textOf(entry),
  ];
}

/** `11-22 17:14:11.321`; --json has the year, and what is below a millisecond. */
function timeOf(timestamp: string): string {
  const atMs = Date.parse(timestamp);
  if (Number.isNaN(atMs)) return timestamp;
  return new Date(atMs).toISOString().slice('2026-'.length, -1).replace('T', ' ');
}

function textOf(entry: Json): string {
  const text = textIn(entry, 'textPayload');
  if (text !== '') return text;
  const request = objectIn(entry, 'httpRequest');
  if (request['requestMethod'] !== undefined) return requestText(request);
  const json = objectIn(entry, 'jsonPayload');
  return textIn(json, 'message') || JSON.stringify(json);
}

/** `GET /menu 200 6.4 ms`. */
function requestText(request: Json): string {
  const url = URL.parse(textIn(request, 'requestUrl'));
  const path = url === null ? textIn(request, 'requestUrl') : url.pathname + url.search;
  const seconds = Number.parseFloat(textIn(request, 'latency'));
  const latency = Number.isNaN(seconds) ? '' : `${(seconds * 1000).toFixed(1)} ms`;
  const fields = [textIn(request, 'requestMethod'), path, textIn(request, 'status'), latency];
  return fields.filter((field) => field !== '').join(' ');
}
