import { createHash } from 'node:crypto';
import { RpcError, tokenItems } from '../../rpc/index.ts';
import type { RunList, RunPage } from './run-service.ts';
import type { ServiceRows, Stored } from './service-rows.ts';

const limitMax = 100;
const scanned = 200;

interface Search<Value, Item> {
  readonly rows: ServiceRows;
  /** Of the kind: ends in `/`. */
  readonly prefix: string;
  /** Narrower than by project and location, if the labels allow it. */
  readonly under: string;
  readonly request: RunList;
  readonly labelsOf: (value: Value) => Readonly<Record<string, string>>;
  readonly shown: (value: Value) => Promise<Item | null>;
}

/** Where rows of a project, and of a location if one is named, begin. */
export function rangeOf(prefix: string, { project, location }: RunList): string {
  const all = `${prefix}${project}/`;
  return location === '-' || location === '' ? all : `${all}${location}/`;
}

/** A page in key order of what all labels select. Tokens fit the query that gave them. */
export async function listed<Value, Item>(search: Search<Value, Item>): Promise<RunPage<Item>> {
  const { rows, under, request, labelsOf, shown } = search;
  const limit = request.limit > 0 ? Math.min(request.limit, limitMax) : limitMax;
  const query = queryOf(search.prefix, request);
  const items: Item[] = [];
  let after = request.continueToken === '' ? '' : placeOf(query, request.continueToken, under);
  for (;;) {
    const page: Stored<Value>[] = await rows.list<Value>(under, after, scanned);
    for (const { key, value } of page) {
      const item = isSelected(labelsOf(value), request.labels) ? await shown(value) : null;
      if (item !== null && items.length === limit) {
        return { items, continueToken: tokenOf(query, after) };
      }
      if (item !== null) items.push(item);
      after = key;
    }
    if (page.length < scanned) return { items, continueToken: '' };
  }
}

function isSelected(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function queryOf(prefix: string, { project, location, labels }: RunList): string {
  const terms = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([prefix, project, location, terms]);
  return createHash('sha256').update(text).digest().subarray(0, 12).toString('base64url');
}

function tokenOf(query: string, after: string): string {
  return Buffer.from(JSON.stringify([query, after])).toString('base64url');
}

function placeOf(query: string, token: string, under: string): string {
  const [hash, after] = tokenItems(token);
  if (hash === query && typeof after === 'string' && after.startsWith(under)) return after;
  const text = 'The continue token is not one of this query.';
  throw new RpcError('INVALID_ARGUMENT', 'BAD_PAGE_TOKEN', text);
}
