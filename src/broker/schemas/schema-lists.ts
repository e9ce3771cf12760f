import type { SchemaDefinition } from '../../schemas/index.ts';
import type { KeysAfter, Pager } from '../lists/page-token.ts';
import type { Page, PageRequest } from '../service.ts';
import type { SchemaRevision, SchemaView } from './schema-administration.ts';
import type { SchemaCatalog } from './schema-catalog.ts';
import { newestOf, shownRevision, type RevisionHead, type SchemaRow } from './schema-rows.ts';

/** Bytes of the definitions on one page. */
const pageBytesMax = 4_000_000;

interface Listed {
  readonly row: SchemaRow;
  readonly head: RevisionHead;
}

/** Pages of schemas and of their revisions. */
export class SchemaLists {
  readonly #catalog: SchemaCatalog;
  readonly #pager: Pager;

  constructor(catalog: SchemaCatalog, pager: Pager) {
    this.#catalog = catalog;
    this.#pager = pager;
  }

  async schemas(
    project: string,
    request: PageRequest,
    view: SchemaView,
  ): Promise<Page<SchemaRevision>> {
    const { schemas } = this.#catalog;
    const listed = (name: string): Listed => {
      const row = schemas.get(name)!;
      return { row, head: newestOf(row) };
    };
    const prefix = `${project}/schemas/`;
    const keysAfter: KeysAfter = (after, limit) => schemas.namesAfter(prefix, after, limit);
    const fits = room(view, (name) => listed(name).head);
    const list = `schemas of ${project}`;
    const { items, nextPageToken } = this.#pager.page(list, keysAfter, request, fits);
    return { items: await this.#shown(items.map(listed), view), nextPageToken };
  }

  /** Newest first. */
  async revisions(
    row: SchemaRow,
    request: PageRequest,
    view: SchemaView,
  ): Promise<Page<SchemaRevision>> {
    const heads = new Map(row.revisions.toReversed().map((head) => [keyOf(head), head]));
    const keysAfter: KeysAfter = (after, limit) =>
      [...heads.keys()].filter((key) => key > after).slice(0, limit);
    const fits = room(view, (key) => heads.get(key)!);
    const list = `revisions of ${row.name} ${row.uid}`;
    const { items, nextPageToken } = this.#pager.page(list, keysAfter, request, fits);
    const listed = items.map((key) => ({ row, head: heads.get(key)! }));
    return { items: await this.#shown(listed, view), nextPageToken };
  }

  /** What was deleted since the page was made is left out. */
  async #shown(listed: readonly Listed[], view: SchemaView): Promise<SchemaRevision[]> {
    const shown: SchemaRevision[] = [];
    for (const { row, head } of listed) {
      const definition = view === 'FULL' ? await this.#catalog.definition(row, head) : basic(row);
      if (definition !== null) shown.push(shownRevision(row, head, definition));
    }
    return shown;
  }
}

const basic = ({ type }: SchemaRow): SchemaDefinition => ({ type, definition: '' });

/** In the order of its text the newest comes first. */
const keyOf = ({ ordinal }: RevisionHead): string =>
  String(Number.MAX_SAFE_INTEGER - ordinal).padStart(16, '0');

/** How many keys a page has room for: definitions may be long. */
function room(
  view: SchemaView,
  headOf: (key: string) => RevisionHead,
): (keys: readonly string[]) => number {
  if (view === 'BASIC') return ({ length }) => length;
  return (keys) => {
    let bytes = 0;
    const beyond = keys.findIndex((key) => (bytes += headOf(key).bytes) > pageBytesMax);
    return beyond === -1 ? keys.length : Math.max(beyond, 1);
  };
}
