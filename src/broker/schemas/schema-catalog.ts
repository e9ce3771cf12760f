import type { SchemaDefinition } from '../../schemas/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import { notFound } from '../errors.ts';
import { RowStore, type RowChange } from '../catalog/row-store.ts';
import { SortedMap } from '../lists/sorted-map.ts';
import {
  definitionOf,
  findRevision,
  revisionKey,
  revisionRow,
  schemaRowKeys,
  type RevisionHead,
  type RevisionRow,
  type SchemaRow,
} from './schema-rows.ts';

/**
 * Schemas as rows. Those of the schemas are in memory, definitions on the disk alone: a project may
 * have gigabytes of them. Changes are whole or not at all, and durable before they are answered.
 */
export class SchemaCatalog {
  /** By name. */
  readonly schemas: SortedMap<SchemaRow> = new SortedMap();
  readonly #rows: RowStore;

  constructor(meta: MetaStore) {
    this.#rows = new RowStore(meta, (key, row) => {
      if (key.startsWith(schemaRowKeys.schemas)) this.#keep(row as SchemaRow);
    });
  }

  async load(): Promise<void> {
    const rows = (await this.#rows.all(schemaRowKeys.schemas)) as SchemaRow[];
    for (const row of rows) this.#keep(row);
  }

  #keep(row: SchemaRow): void {
    this.schemas.set(row.name, row);
  }

  /** Throws NOT_FOUND. */
  schema(name: string): SchemaRow {
    const row = this.schemas.get(name);
    if (row === undefined) throw notFound(name);
    return row;
  }

  /** Null if the revision was deleted meanwhile. Throws what the storage does. */
  async definition(row: SchemaRow, { id }: RevisionHead): Promise<SchemaDefinition | null> {
    const { name, uid, type } = row;
    const stored = (await this.#rows.lookUp(revisionKey(uid, id))) as RevisionRow | null;
    if (stored !== null) return definitionOf(type, stored);
    const now = this.schemas.get(name);
    if (now?.uid !== uid || findRevision(now, id) === undefined) return null;
    const text = `The definition of schema ${name}@${id} is missing.`;
    throw new RpcError('DATA_LOSS', 'METADATA_MALFORMED', text);
  }

  /** What is stored under that name, whether or not it is known here. */
  async lookUp(name: string): Promise<SchemaRow | null> {
    return (await this.#rows.lookUp(schemaRowKeys.schemas + name)) as SchemaRow | null;
  }

  /** Stores a schema as `row` has it, with the definition of its newest revision. */
  async add(row: SchemaRow, head: RevisionHead, definition: SchemaDefinition): Promise<void> {
    await this.#write(row.name, row, [[revisionKey(row.uid, head.id), revisionRow(definition)]]);
  }

  /** Stores `row`, which lacks the revision that goes. */
  async removeRevision(row: SchemaRow, { id }: RevisionHead): Promise<void> {
    const key = revisionKey(row.uid, id);
    await this.#rows.lookUp(key);
    await this.#write(row.name, row, [[key, null]]);
  }

  async remove({ name, uid, revisions }: SchemaRow): Promise<void> {
    const keys = revisions.map(({ id }) => revisionKey(uid, id));
    for (const key of keys) await this.#rows.lookUp(key);
    await this.#write(
      name,
      null,
      keys.map((key): RowChange => [key, null]),
    );
  }

  async #write(name: string, row: SchemaRow | null, changes: readonly RowChange[]): Promise<void> {
    const key = schemaRowKeys.schemas + name;
    await this.#rows.change(() => this.#rows.write(name, [[key, row], ...changes]));
    if (row === null) this.schemas.delete(name);
    else this.schemas.set(name, row);
  }
}
