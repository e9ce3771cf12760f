import { draw } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import {
  type CompiledSchema,
  type SchemaDefinition,
  type SchemaEncoding,
} from '../../schemas/index.ts';
import { alreadyExists, notFound } from '../errors.ts';
import { invalidArgument } from '../limits.ts';
import type { Pager } from '../lists/page-token.ts';
import type { Registry } from '../registry.ts';
import { checkRevisionCount, checkSchemaCount } from '../resources/resource-limits.ts';
import type { Page, PageRequest } from '../service.ts';
import type { SchemaAdministration, SchemaRevision, SchemaView } from './schema-administration.ts';
import { checkedSchema } from './definition-check.ts';
import { checkFit } from './revision-fit.ts';
import { SchemaLists } from './schema-lists.ts';
import {
  definitionBytes,
  findRevision,
  newestOf,
  shownRevision,
  type RevisionHead,
  type SchemaRow,
} from './schema-rows.ts';
import { schemaViolation } from './schema-violation.ts';

/** Creating, revising, reading and deleting schemas. Every change is durable when it resolves. */
export class Schemas implements SchemaAdministration {
  readonly #registry: Registry;
  readonly #lists: SchemaLists;

  constructor(registry: Registry, pager: Pager) {
    this.#registry = registry;
    this.#lists = new SchemaLists(registry.schemas, pager);
  }

  async createSchema(name: string, definition: SchemaDefinition): Promise<SchemaRevision> {
    checkedSchema(definition);
    return await this.#registry.changes.run(async () => {
      const { schemas: catalog } = this.#registry;
      if (catalog.schemas.has(name)) throw alreadyExists(name);
      checkSchemaCount(this.#registry, name);
      const stored = await catalog.lookUp(name);
      // A creation whose client was told that it failed.
      if (stored !== null) await catalog.remove(stored);
      const uid = Buffer.from(draw(this.#registry.ports.entropy, 16)).toString('hex');
      const { type } = definition;
      return await this.#add({ name, uid, type, revisions: [], nextOrdinal: 0 }, definition);
    });
  }

  async getSchema(name: string): Promise<SchemaRevision> {
    const { row, head } = this.#find(name);
    return shownRevision(row, head, await this.#definition(row, head));
  }

  async listSchemas(
    project: string,
    page: PageRequest,
    view: SchemaView = 'FULL',
  ): Promise<Page<SchemaRevision>> {
    return await this.#lists.schemas(project, page, view);
  }

  async listSchemaRevisions(
    name: string,
    page: PageRequest,
    view: SchemaView = 'FULL',
  ): Promise<Page<SchemaRevision>> {
    return await this.#lists.revisions(this.#registry.schemas.schema(name), page, view);
  }

  /** Compatible with every revision that there is, as Google asks for it. */
  async commitSchema(name: string, definition: SchemaDefinition): Promise<SchemaRevision> {
    checkedSchema(definition);
    return await this.#registry.changes.run(async () => {
      const row = this.#registry.schemas.schema(name);
      if (definition.type !== row.type) throw otherType(row);
      checkRevisionCount(this.#registry, name, row.revisions.length);
      const older = async (head: RevisionHead): Promise<SchemaDefinition> =>
        await this.#definition(row, head);
      await checkFit(definition, row, older, this.#registry.ports.clock);
      return await this.#add(row, definition);
    });
  }

  async rollbackSchema(name: string, revisionId: string): Promise<SchemaRevision> {
    return await this.#registry.changes.run(async () => {
      const { row, head } = this.#find(`${name}@${revisionId}`);
      checkRevisionCount(this.#registry, name, row.revisions.length);
      return await this.#add(row, await this.#definition(row, head));
    });
  }

  async deleteSchemaRevision(name: string): Promise<SchemaRevision> {
    return await this.#registry.changes.run(async () => {
      const { row, head } = this.#find(name);
      if (row.revisions.length === 1) throw lastRevision(row);
      const revisions = row.revisions.filter((other) => other !== head);
      const rest = { ...row, revisions };
      await this.#registry.schemas.removeRevision(rest, head);
      this.#registry.compiledRevisions.forget(row, head);
      const newest = newestOf(rest);
      return shownRevision(rest, newest, await this.#definition(rest, newest));
    });
  }

  /** Topics go on naming it, and take no messages any more. */
  async deleteSchema(name: string): Promise<void> {
    await this.#registry.changes.run(async () => {
      const row = this.#registry.schemas.schema(name);
      await this.#registry.schemas.remove(row);
      for (const head of row.revisions) this.#registry.compiledRevisions.forget(row, head);
    });
  }

  async validateSchema(definition: SchemaDefinition): Promise<void> {
    checkedSchema(definition);
  }

  async validateMessage(
    schema: string | SchemaDefinition,
    message: Uint8Array,
    encoding: SchemaEncoding,
  ): Promise<void> {
    const isNamed = typeof schema === 'string';
    const { type, compiled } = isNamed
      ? await this.#compiled(schema)
      : { type: schema.type, compiled: checkedSchema(schema) };
    const why = compiled.violation(message, encoding);
    if (why !== null) throw schemaViolation(type, encoding, why);
  }

  async #compiled(
    name: string,
  ): Promise<{ readonly type: SchemaDefinition['type']; readonly compiled: CompiledSchema }> {
    const { row, head } = this.#find(name);
    const { compiledRevisions } = this.#registry;
    const compiled = compiledRevisions.get(row, head) ?? (await compiledRevisions.load(row, head));
    if (compiled === null) throw notFound(name);
    return { type: row.type, compiled };
  }

  /** `projects/P/schemas/S`, its newest revision, or `…@REVISION`. Throws NOT_FOUND. */
  #find(name: string): { readonly row: SchemaRow; readonly head: RevisionHead } {
    const [plain = '', revisionId] = name.split('@');
    const row = this.#registry.schemas.schemas.get(plain);
    if (row === undefined) throw notFound(name);
    const head = revisionId === undefined ? newestOf(row) : findRevision(row, revisionId);
    if (head === undefined) throw notFound(name);
    return { row, head };
  }

  async #definition(row: SchemaRow, head: RevisionHead): Promise<SchemaDefinition> {
    const definition = await this.#registry.schemas.definition(row, head);
    if (definition === null) throw notFound(`${row.name}@${head.id}`);
    return definition;
  }

  async #add(row: SchemaRow, definition: SchemaDefinition): Promise<SchemaRevision> {
    const head: RevisionHead = {
      id: this.#freeId(row),
      ordinal: row.nextOrdinal,
      createTimeMs: this.#registry.ports.clock.wallMs(),
      bytes: definitionBytes(definition),
    };
    const revisions = [...row.revisions, head];
    const next = { ...row, revisions, nextOrdinal: row.nextOrdinal + 1 };
    await this.#registry.schemas.add(next, head, definition);
    return shownRevision(next, head, definition);
  }

  #freeId(row: SchemaRow): string {
    for (;;) {
      const id = Buffer.from(draw(this.#registry.ports.entropy, 4)).toString('hex');
      if (findRevision(row, id) === undefined) return id;
    }
  }
}

const otherType = ({ type }: SchemaRow): RpcError =>
  invalidArgument(`schema.type: the schema is of type ${type}, which cannot change`);

const lastRevision = ({ name }: SchemaRow): RpcError =>
  new RpcError(
    'FAILED_PRECONDITION',
    'LAST_SCHEMA_REVISION',
    `The last revision of a schema cannot be deleted (resource=${name.slice(name.lastIndexOf('/') + 1)}). Delete the schema instead.`,
  );
