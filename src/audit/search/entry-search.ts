import type { AeadKey } from '../../crypto/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { AuditKind, LoggedEntry } from '../audit-entry.ts';
import type { AuditPage, AuditQuery } from '../audit-log.ts';
import { type ChainName, chainLogs, chainNames } from '../chain/stored-entry.ts';
import type { Bounds } from '../filter/filter-bounds.ts';
import { matches } from '../filter/filter-match.ts';
import { logEntryJson, logNameOf } from '../log-entry-json.ts';
import { entriesDown, entriesUp, type PlacedEntry, turn } from './entry-reader.ts';
import { merged } from './merged-entries.ts';
import { type LogQuery, parseLogQuery } from './log-query.ts';
import { projectsOf } from './query-fields.ts';
import { placeOfToken, type SearchPlace, searchToken } from './search-token.ts';

export interface SearchPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly clock: Clock;
  /** What of a log is kept and durable now. */
  readonly rangeOf: (name: ChainName) => { readonly from: number; readonly below: number };
}

/** Entries that one page looks at: then it is answered with what was found, if anything. */
const lookedAtMax = 20_000;

/** The kinds of entries that a log holds. */
const kindCounts: Readonly<Record<ChainName, number>> = { activity: 2, data_access: 1 };

type Ranges = Readonly<Record<ChainName, { readonly from: number; readonly below: number }>>;

/** Finds entries. Reads only where the filter's times can be, and a page's worth at a time. */
export class EntrySearch {
  readonly #ports: SearchPorts;

  constructor(ports: SearchPorts) {
    this.#ports = ports;
  }

  async page(query: AuditQuery): Promise<AuditPage> {
    const parsed = parseLogQuery(query);
    const token = query.pageToken === '' ? null : placeOfToken(parsed.text, query.pageToken);
    const ranges = await this.#ranges(parsed, token);
    const place: Record<ChainName, number> = {
      activity: ranges.activity[parsed.isDown ? 'below' : 'from'],
      data_access: ranges.data_access[parsed.isDown ? 'below' : 'from'],
    };
    const entries: LoggedEntry[] = [];
    const places: SearchPlace[] = [];
    const tokenBefore = (index: number): string => searchToken(parsed.text, places[index]!);
    let reachedMs: number | null = null;
    let lookedAt = 0;
    for await (const { chain, item } of this.#entries(ranges, parsed.isDown)) {
      if (entries.length === parsed.pageSize || lookedAt++ === lookedAtMax) {
        const nextPageToken = searchToken(parsed.text, place);
        return { entries, nextPageToken, reachedMs, tokenBefore };
      }
      if (isWanted(item.entry, parsed)) {
        entries.push(item.entry);
        places.push({ ...place });
      }
      place[chain] = parsed.isDown ? item.sequence : item.sequence + 1;
      reachedMs = item.entry.timeMs;
      // A filter may take long over one entry: others have their turn before the next.
      await turn(this.#ports);
    }
    return { entries, nextPageToken: '', reachedMs: null, tokenBefore };
  }

  async logNames(parent: string): Promise<string[]> {
    const [project] = projectsOf([parent]);
    const names: string[] = [];
    for (const chain of chainNames) {
      const kinds = new Set<AuditKind>();
      const range = { chain, ...this.#ports.rangeOf(chain) };
      for await (const { entry } of entriesDown(this.#ports, range)) {
        if (entry.project === project) kinds.add(entry.kind);
        if (kinds.size === kindCounts[chain]) break;
      }
      names.push(...[...kinds].map((kind) => logNameOf(project!, kind)));
    }
    return names.toSorted();
  }

  /** Both logs in the order that was asked for; equal times in the order of their insert ids. */
  #entries(
    ranges: Ranges,
    isDown: boolean,
  ): AsyncGenerator<{ chain: ChainName; item: PlacedEntry }> {
    const read = isDown ? entriesDown : entriesUp;
    const sources = chainNames.map((chain) => ({
      chain,
      items: read(this.#ports, { chain, ...ranges[chain] }),
    }));
    return merged(sources, isDown);
  }

  async #ranges({ bounds, isDown }: LogQuery, token: SearchPlace | null): Promise<Ranges> {
    const range = async (name: ChainName): Promise<{ from: number; below: number }> => {
      const { from, below } = await this.#boundedRange(name, bounds);
      if (token === null) return { from, below };
      const at = token[name];
      return isDown ? { from, below: Math.min(below, at) } : { from: Math.max(from, at), below };
    };
    return { activity: await range('activity'), data_access: await range('data_access') };
  }

  async #boundedRange(
    name: ChainName,
    { fromMs, toMs, chains }: Bounds,
  ): Promise<{ from: number; below: number }> {
    const { from, below } = this.#ports.rangeOf(name);
    if (!chains.includes(name) || fromMs > toMs) return { from: below, below };
    const { store } = this.#ports;
    const log = chainLogs[name];
    const first = fromMs <= 0 ? from : await store.locate(log, fromMs);
    const end = Number.isFinite(toMs) ? await store.locate(log, toMs + 1) : below;
    return { from: Math.max(from, first), below: Math.min(below, end) };
  }
}

function isWanted(entry: LoggedEntry, { projects, filter }: LogQuery): boolean {
  return projects.has(entry.project) && matches(filter, logEntryJson(entry));
}
