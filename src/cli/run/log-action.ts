import { printEntries } from '../audit/log-entries.ts';
import { usageError } from '../command/command-error.ts';
import type { Action } from '../command/command-spec.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { pointInTime } from '../resources/point-in-time.ts';
import { objectIn } from './knative.ts';

const logColumns = ['TIME', 'REVISION', 'LOG', 'SEVERITY', 'TEXT'].map((title) => ({ title }));

export const showLogs: Action = async ({ arguments: [id = ''], flags }, tools) => {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(id)) throw usageError(`"${id}" is no id of a service.`);
  const region = flags.text('region');
  const since = flags.text('since');
  const nowMs = tools.clock.wallMs();
  const parts = [
    'resource.type="cloud_run_revision"',
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
  await printEntries(tools, query, { columns: logColumns, cells: logCells, empty });
};

function logCells(entry: Json): string[] {
  const { labels } = objectIn(entry, 'resource');
  return [
    textIn(entry, 'timestamp'),
    textIn(labels as Json, 'revision_name'),
    decodeURIComponent(textIn(entry, 'logName')).replace(/^.*run\.googleapis\.com\//, ''),
    textIn(entry, 'severity'),
    textOf(entry),
  ];
}

function textOf(entry: Json): string {
  const text = textIn(entry, 'textPayload');
  if (text !== '') return text;
  const request = objectIn(entry, 'httpRequest');
  if (request['requestMethod'] !== undefined) {
    const fields = ['requestMethod', 'requestUrl', 'status', 'latency'];
    return fields.map((field) => textIn(request, field)).join(' ');
  }
  const json = objectIn(entry, 'jsonPayload');
  return textIn(json, 'message') || JSON.stringify(json);
}
