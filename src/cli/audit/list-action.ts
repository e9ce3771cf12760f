import type { Action } from '../command/command-spec.ts';
import { pause } from '../command/terminal.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { jsonText } from '../output/plain-text.ts';
import { tableLines } from '../output/table.ts';
import { entryFilter } from './entry-filter.ts';
import { entryCells, entryColumns } from './entry-row.ts';

const limitDefault = 100;
const pageSizeMax = 1_000;
const lookMs = 1_000;

export const listEntries: Action = async ({ flags }, tools) => {
  const { clock, names, out } = tools;
  const filter = entryFilter(flags, names, clock.wallMs());
  const limit = flags.number('limit') ?? limitDefault;
  const newest = await entriesOf(tools, { filter, orderBy: 'timestamp desc' }, limit);
  const entries = newest.toReversed();
  if (!flags.isSet('follow')) {
    out.list(entries, entryColumns, entryCells, 'There are no such entries.');
    return;
  }
  show(tools, entries, true);
  await follow(tools, filter, entries);
};

/** Looks again from the time of the last entry on, whose neighbours may share it. */
async function follow(tools: Tools, filter: string, shown: readonly Json[]): Promise<void> {
  const stop = tools.terminal.stopSignal();
  tools.out.note('Following. Ctrl-C ends it.');
  let last = shown;
  for (; !stop.aborted; await pause(tools.clock, lookMs, stop)) {
    const known = new Set(last.map(({ insertId }) => insertId));
    const newest = last.at(-1);
    const from = newest === undefined ? '' : `timestamp>="${textIn(newest, 'timestamp')}"`;
    const parts = [from, filter].filter((part) => part !== '').join(' AND ');
    const query = { filter: parts, orderBy: 'timestamp asc' };
    const found = await entriesOf(tools, query, Infinity);
    show(
      tools,
      found.filter(({ insertId }) => !known.has(insertId)),
      false,
    );
    if (found.length > 0) last = found;
  }
}

function show({ out }: Tools, entries: readonly Json[], isFirst: boolean): void {
  if (out.isJson) for (const entry of entries) out.line(jsonText(entry));
  else {
    const lines = tableLines(entryColumns, entries.map(entryCells));
    for (const line of isFirst ? lines : lines.slice(1)) out.line(line);
  }
}

/** As many entries as asked for, page by page; a page may be empty and yet not be the last. */
async function entriesOf(
  { api, names }: Tools,
  query: { readonly filter: string; readonly orderBy: string },
  limit: number,
): Promise<Json[]> {
  const resourceNames = [`projects/${names.project()}`];
  const entries: Json[] = [];
  let pageToken = '';
  do {
    const pageSize = Math.min(pageSizeMax, limit - entries.length);
    const body = { resourceNames, ...query, pageSize, ...(pageToken && { pageToken }) };
    const page = await api.post('v2/entries:list', body);
    entries.push(...((page['entries'] ?? []) as Json[]));
    pageToken = textIn(page, 'nextPageToken');
  } while (pageToken !== '' && entries.length < limit);
  return entries;
}
