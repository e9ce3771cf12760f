import { pause } from '../../runtime/index.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { jsonText } from '../output/plain-text.ts';
import { tableLines, type Column } from '../output/table.ts';

const limitDefault = 100;
const pageSizeMax = 1_000;
const lookMs = 1_000;

/** How entries of a log are shown to people. */
export interface EntryView {
  readonly columns: readonly Column[];
  readonly cells: (entry: Json) => string[];
  readonly empty: string;
}

export interface EntryQuery {
  readonly filter: string;
  /** 100 unless given. */
  readonly limit: number | undefined;
  readonly isFollowing: boolean;
}

/** Prints the newest entries of the project, the oldest of them first, and goes on if asked to. */
export async function printEntries(
  tools: Tools,
  { filter, limit = limitDefault, isFollowing }: EntryQuery,
  view: EntryView,
): Promise<void> {
  const newest = await entriesOf(tools, { filter, orderBy: 'timestamp desc' }, limit);
  const entries = newest.toReversed();
  if (!isFollowing) {
    tools.out.list(entries, view.columns, view.cells, view.empty);
    return;
  }
  show(tools, view, entries, true);
  await follow(tools, view, filter, entries);
}

/** Looks again from the time of the last entry on, whose neighbours may share it. */
async function follow(
  tools: Tools,
  view: EntryView,
  filter: string,
  shown: readonly Json[],
): Promise<void> {
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
    const news = found.filter(({ insertId }) => !known.has(insertId));
    show(tools, view, news, false);
    if (found.length > 0) last = found;
  }
}

function show(
  { out }: Tools,
  { columns, cells }: EntryView,
  entries: readonly Json[],
  isFirst: boolean,
): void {
  if (out.isJson) for (const entry of entries) out.line(jsonText(entry));
  else {
    const lines = tableLines(columns, entries.map(cells));
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
