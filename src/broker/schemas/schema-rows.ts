import type { SchemaDefinition, SchemaType } from '../../schemas/index.ts';
import type { SchemaRevision } from './schema-administration.ts';

/** A schema as it is stored; what its revisions say is in rows of their own. */
export interface SchemaRow {
  /** `projects/P/schemas/S`. */
  readonly name: string;
  /** 16 random bytes of this creation, in hex. */
  readonly uid: string;
  /** Of all its revisions. */
  readonly type: SchemaType;
  /** From the oldest to the newest; never empty. */
  readonly revisions: readonly RevisionHead[];
  /** Of the revision that comes next: no number is given out twice. */
  readonly nextOrdinal: number;
}

/** A revision without its definition. */
export interface RevisionHead {
  /** 8 hex digits. */
  readonly id: string;
  /** Its place in the order of creation, which outlives the revisions before it. */
  readonly ordinal: number;
  readonly createTimeMs: number;
  /** Of its definition. */
  readonly bytes: number;
}

/** What one revision says, as it is stored. */
export interface RevisionRow {
  readonly definition: string;
  /** `bytes` in base64. */
  readonly compiled?: { readonly rootMessage: string; readonly bytes: string };
}

/** Keys of metadata rows; only ever added to (docs/storage-format.md). */
export const schemaRowKeys = {
  schemas: 'schema/',
  /** By the schema's uid and the revision's id. */
  revisions: 'schema-revision/',
} as const;

export function revisionKey(uid: string, id: string): string {
  return `${schemaRowKeys.revisions}${uid}/${id}`;
}

export function revisionRow({ definition, compiled }: SchemaDefinition): RevisionRow {
  if (compiled === undefined) return { definition };
  const { rootMessage, bytes } = compiled;
  return { definition, compiled: { rootMessage, bytes: Buffer.from(bytes).toString('base64') } };
}

export function definitionOf(type: SchemaType, row: RevisionRow): SchemaDefinition {
  const { definition, compiled } = row;
  if (compiled === undefined) return { type, definition };
  const bytes = new Uint8Array(Buffer.from(compiled.bytes, 'base64'));
  return { type, definition, compiled: { rootMessage: compiled.rootMessage, bytes } };
}

/** What is limited: the text's bytes in UTF-8, or the descriptor set's. */
export function definitionBytes({ definition, compiled }: SchemaDefinition): number {
  return Buffer.byteLength(definition) + (compiled?.bytes.length ?? 0);
}

export function newestOf({ revisions }: SchemaRow): RevisionHead {
  return revisions[revisions.length - 1]!;
}

export function findRevision({ revisions }: SchemaRow, id: string): RevisionHead | undefined {
  return revisions.find((head) => head.id === id);
}

/** As the API shows it; without a definition it is the BASIC view. */
export function shownRevision(
  { name, type }: SchemaRow,
  { id, createTimeMs }: RevisionHead,
  definition: SchemaDefinition = { type, definition: '' },
): SchemaRevision {
  return { ...definition, name, revisionId: id, revisionCreateTimeMs: createTimeMs };
}
