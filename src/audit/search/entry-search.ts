import type { AeadKey } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { AuditKind, LoggedEntry } from '../audit-entry.ts';
import type { AuditPage, AuditQuery } from '../audit-log.ts';
import { type ChainName, chainLogs, chainNames } from '../chain/stored-entry.ts';
import { type Bounds, boundsOf } from '../filter/filter-bounds.ts';
import { matches } from '../filter/filter-match.ts';
import { type Filter, parseFilter } from '../filter/filter-parser.ts';
import { logEntryJson, logNameOf } from '../log-entry-json.ts';
import { entriesDown, entriesUp, type PlacedEntry, turn } from './entry-reader.ts';
import { merged } from './merged-entries.ts';
import { isDescending, projectsOf } from './query-fields.ts';
import { placeOfToken, type SearchPlace, searchToken } from './search-token.ts';

export interface SearchPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly clock: Clock;
  /** What of a log is kept and durable now. */
  readonly rangeOf: (name: ChainName) => { readonly from: number; readonly below: number };
}

const pageSizeDefault = 50;
const pageSizeMax = 1_000;
/** Entries that one page looks at: then it is answered with what was found, if anything. */
const lookedAtMax = 20_000;

/** The kinds of entries that a log holds. */
const kindCounts: Readonly<Record<ChainName, number>> = { activity: 2, data_access: 1 };

type Ranges = Readonly<Record<ChainName, { readonly from: number; readonly below: number }>>;

interface ParsedQuery {
  /** All that a page token is bound to. */
  readonly text: string;
  readonly filter: Filter;
  readonly bounds: Bounds;
  readonly isDown: boolean;
  readonly pageSize: number;
  readonly projects: ReadonlySet<string>;
}

/** Finds entries. Reads only where the filter's times can be, and a page's worth at a time. */
export class EntrySearch {
  readonly #ports: SearchPorts;

  constructor(ports: SearchPorts) {
    this.#ports = ports;
  }

  async page(query: AuditQuery): Promise<AuditPage> {
    const parsed = parsedQuery(query);
    const token = query.pageToken === '' ? null : placeOfToken(parsed.text, query.pageToken);
    const ranges = await this.#ranges(parsed, token);
    const place: Record<ChainName, number> = {
      activity: ranges.activity[parsed.isDown ? 'below' : 'from'],
      data_access: ranges.data_access[parsed.isDown ? 'below' : 'from'],
    };
    const entries: LoggedEntry[] = [];
    let lookedAt = 0;
    for await (const { chain, item } of this.#entries(ranges, parsed.isDown)) {
      if (entries.length === parsed.pageSize || lookedAt++ === lookedAtMax) {
        return { entries, nextPageToken: searchToken(parsed.text, place) };
      }
      place[chain] = parsed.isDown ? item.sequence : item.sequence + 1;
      if (isWanted(item.entry, parsed)) entries.push(item.entry);
      // A filter may take long over one entry: others have their turn before the next.
      await turn(this.#ports);
    }
    return { entries, nextPageToken: '' };
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

  async #ranges({ bounds, isDown }: ParsedQuery, token: SearchPlace | null): Promise<Ranges> {
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

function parsedQuery(query: AuditQuery): ParsedQuery {
  const { resourceNames, filter, orderBy, pageSize } = query;
  if (!Number.isInteger(pageSize) || pageSize < 0 || pageSize > pageSizeMax) {
    const text = `page_size: ${pageSize}, valid values are between 0 and ${pageSizeMax}`;
    throw new RpcError('INVALID_ARGUMENT', 'BAD_LOG_QUERY', text);
  }
  const parsed = parseFilter(filter);
  return {
    text: JSON.stringify([resourceNames, filter, orderBy]),
    filter: parsed,
    bounds: boundsOf(parsed),
    isDown: isDescending(orderBy),
    pageSize: pageSize === 0 ? pageSizeDefault : pageSize,
    projects: new Set(projectsOf(resourceNames)),
  };
}

function isWanted(entry: LoggedEntry, { projects, filter }: ParsedQuery): boolean {
  return projects.has(entry.project) && matches(filter, logEntryJson(entry));
}
