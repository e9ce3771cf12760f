import type { EntryJson, LogQuery } from '../../audit/index.ts';
import type { FoundEntry, LogScan, LogSource } from './log-scan.ts';
import { placesOfToken, tokenOf } from './merged-token.ts';

export interface MergedPage {
  readonly entries: readonly EntryJson[];
  readonly nextPageToken: string;
}

/**
 * A page of several logs in one order. No log is looked at further than one page of it goes, and
 * nothing is given that lies beyond where one of them stopped: it may have something before that.
 */
export async function mergedPage(
  sources: readonly LogSource[],
  query: LogQuery,
  pageToken: string,
): Promise<MergedPage> {
  const places = placesOfToken(query.text, pageToken, sources.length);
  const scans = await Promise.all(
    sources.map(async (source, index) => {
      const place = places[index]!;
      return place === null ? nothingMore : await source.scan(query, place);
    }),
  );
  const taken = takenOf(scans, query);
  const counts = scans.map(({ found }) => found.filter((each) => taken.has(each)).length);
  const next = scans.map((scan, index) => scan.placeAfter(counts[index]!));
  const entries = inOrder([...taken], query).map(({ json }) => json);
  return { entries, nextPageToken: tokenOf(query.text, next) };
}

const nothingMore: LogScan = { found: [], reachedMs: null, placeAfter: () => null };

/** The first of all that were found, as far as every log was looked at. */
function takenOf(scans: readonly LogScan[], query: LogQuery): ReadonlySet<FoundEntry> {
  const sign = query.isDown ? -1 : 1;
  const reached = scans.flatMap(({ reachedMs }) => (reachedMs === null ? [] : [reachedMs * sign]));
  const end = Math.min(...reached);
  const found = scans.flatMap((scan) => scan.found);
  const within = found.filter(({ timeMs }) => timeMs * sign <= end);
  return new Set(inOrder(within, query).slice(0, query.pageSize));
}

/** By time, and at one time by insert id, as each log has its own. */
function inOrder(entries: readonly FoundEntry[], { isDown }: LogQuery): FoundEntry[] {
  const sign = isDown ? -1 : 1;
  return entries.toSorted((a, b) => {
    if (a.timeMs !== b.timeMs) return (a.timeMs - b.timeMs) * sign;
    return a.insertId < b.insertId ? -sign : sign;
  });
}
