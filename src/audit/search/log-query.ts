import { RpcError } from '../../rpc/index.ts';
import type { AuditQuery } from '../audit-log.ts';
import { type Bounds, boundsOf } from '../filter/filter-bounds.ts';
import { equalTo, mayMatch } from '../filter/filter-known.ts';
import { type EntryJson, matches } from '../filter/filter-match.ts';
import { type Filter, parseFilter } from '../filter/filter-parser.ts';
import { isDescending, projectsOf } from './query-fields.ts';

const pageSizeDefault = 50;
const pageSizeMax = 1_000;

/** A query for entries, taken apart: for the audit log, and for others that are read with it. */
export interface LogQuery {
  /** All that a page token is bound to. */
  readonly text: string;
  readonly filter: Filter;
  readonly bounds: Bounds;
  /** Newest first. */
  readonly isDown: boolean;
  /** 1 to 1,000. */
  readonly pageSize: number;
  readonly projects: ReadonlySet<string>;
}

/** @throws RpcError INVALID_ARGUMENT for a query that is none, with the place in the filter */
export function parseLogQuery(query: AuditQuery): LogQuery {
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

/** Whether a LogEntry in its JSON form is one of those that are asked for, its project apart. */
export function takesEntry({ filter }: LogQuery, entry: EntryJson): boolean {
  return matches(filter, entry);
}

/** Whether an entry of which only `known` is known can be one of those that are asked for. */
export function mayTakeEntry({ filter }: LogQuery, known: EntryJson): boolean {
  return mayMatch(filter, known);
}

/** What a field must be, in lower case, of every entry that is asked for; undefined: anything. */
export function requiredValue({ filter }: LogQuery, path: readonly string[]): string | undefined {
  return equalTo(filter, path);
}
