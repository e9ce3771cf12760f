import { type ChainName, chainNames } from '../chain/stored-entry.ts';
import { fieldOf } from './comparison.ts';
import type { Comparison, Filter } from './filter-parser.ts';
import { timeOf } from './time-text.ts';

/** Where entries that pass a filter can be at most: a time range, and some of the logs. */
export interface Bounds {
  /** Inclusive, ms. */
  readonly fromMs: number;
  /** Inclusive, ms. */
  readonly toMs: number;
  readonly chains: readonly ChainName[];
}

const everywhere: Bounds = { fromMs: 0, toMs: Infinity, chains: chainNames };

/** So that a query about yesterday does not read a year. */
export function boundsOf(filter: Filter): Bounds {
  switch (filter.kind) {
    case 'and':
      return filter.of.map(boundsOf).reduce(both, everywhere);
    case 'or':
      return filter.of.map(boundsOf).reduce(either);
    case 'compare':
      return boundsOfComparison(filter);
    default:
      return everywhere;
  }
}

function both(a: Bounds, b: Bounds): Bounds {
  return {
    fromMs: Math.max(a.fromMs, b.fromMs),
    toMs: Math.min(a.toMs, b.toMs),
    chains: a.chains.filter((name) => b.chains.includes(name)),
  };
}

function either(a: Bounds, b: Bounds): Bounds {
  return {
    fromMs: Math.min(a.fromMs, b.fromMs),
    toMs: Math.max(a.toMs, b.toMs),
    chains: chainNames.filter((name) => a.chains.includes(name) || b.chains.includes(name)),
  };
}

function boundsOfComparison({ path, comparator, value }: Comparison): Bounds {
  const field = path.length === 1 ? fieldOf(path[0]!) : null;
  if (field === 'logName' && comparator === '=') return { ...everywhere, chains: chainsOf(value) };
  // Entries are received in the millisecond in which they are logged.
  if (field !== 'timestamp' && field !== 'receiveTimestamp') return everywhere;
  const ms = timeOf(value);
  if (ms === null) return everywhere;
  const fromMs = comparator.startsWith('>') || isEqual(comparator) ? Math.floor(ms) : 0;
  const toMs = comparator.startsWith('<') || isEqual(comparator) ? Math.ceil(ms) : Infinity;
  return { ...everywhere, fromMs, toMs };
}

function isEqual(comparator: string): boolean {
  return comparator === '=' || comparator === ':';
}

function chainsOf(logName: string): readonly ChainName[] {
  // Logs of others are searched with the same filters.
  if (/\/logs\/run\.googleapis\.com(?:%2f|\/)/i.test(logName)) return [];
  const kind = /%2f(\w+)$/i.exec(logName)?.[1]?.toLowerCase();
  if (kind === 'data_access') return ['data_access'];
  return kind === 'activity' || kind === 'system_event' ? ['activity'] : chainNames;
}
