import type { TopicRow } from '../catalog/catalog-rows.ts';
import { notFound } from '../errors.ts';
import { invalidArgument } from '../limits.ts';
import type { SchemaSettings } from './schema-administration.ts';
import type { SchemaCatalog } from './schema-catalog.ts';
import { findRevision, type RevisionHead, type SchemaRow } from './schema-rows.ts';

/** Shown in place of a deleted schema's name (pubsub.v1 SchemaSettings.schema). */
export const deletedSchema: string = '_deleted-schema_';

/** Which creation of a schema a topic is bound to, and from which to which revision. */
export type SchemaBinding = Pick<TopicRow, 'schemaUid' | 'schemaFirst' | 'schemaLast'>;

/**
 * What a topic's row says beside its settings. A bound that `before` has already stays, also when
 * its revision was deleted. Throws NOT_FOUND for what there is not, INVALID_ARGUMENT for bounds in
 * the wrong order.
 */
export function schemaBinding(
  { schemas }: SchemaCatalog,
  settings: SchemaSettings | undefined,
  before?: TopicRow,
): SchemaBinding {
  if (settings === undefined) return {};
  const row = schemas.get(settings.schema);
  if (row === undefined) throw notFound(settings.schema);
  const bounds = before?.schemaUid === row.uid ? boundsOf(before) : new Map<string, number>();
  const first = boundOf(row, settings.firstRevisionId, bounds);
  const last = boundOf(row, settings.lastRevisionId, bounds);
  if (first !== undefined && last !== undefined && first > last) {
    throw invalidArgument(
      'schema_settings: first_revision_id must not be newer than last_revision_id',
    );
  }
  return {
    schemaUid: row.uid,
    ...(first === undefined ? {} : { schemaFirst: first }),
    ...(last === undefined ? {} : { schemaLast: last }),
  };
}

/** The places of the revisions that bound a topic already, by their ids. */
function boundsOf({ schemaSettings, schemaFirst, schemaLast }: TopicRow): Map<string, number> {
  const { firstRevisionId = '', lastRevisionId = '' } = schemaSettings ?? {};
  const bounds = new Map<string, number>();
  if (schemaFirst !== undefined) bounds.set(firstRevisionId, schemaFirst);
  if (schemaLast !== undefined) bounds.set(lastRevisionId, schemaLast);
  return bounds;
}

function boundOf(
  row: SchemaRow,
  id: string | undefined,
  before: ReadonlyMap<string, number>,
): number | undefined {
  if (id === undefined) return undefined;
  const ordinal = findRevision(row, id)?.ordinal ?? before.get(id);
  if (ordinal === undefined) throw notFound(`${row.name}@${id}`);
  return ordinal;
}

/** `row` without what it was bound to. */
export function withoutBinding({
  schemaUid: _uid,
  schemaFirst: _first,
  schemaLast: _last,
  ...row
}: TopicRow): TopicRow {
  return row;
}

/** The schema that a topic is bound to; undefined once it is deleted. */
export function boundSchema({ schemas }: SchemaCatalog, topic: TopicRow): SchemaRow | undefined {
  const row = schemas.get(topic.schemaSettings?.schema ?? '');
  return row?.uid === topic.schemaUid ? row : undefined;
}

/** The revisions that a topic's messages may conform to, the newest first. */
export function allowedRevisions(schema: SchemaRow, topic: TopicRow): RevisionHead[] {
  const { schemaFirst = 0, schemaLast = Number.MAX_SAFE_INTEGER } = topic;
  return schema.revisions
    .filter(({ ordinal }) => ordinal >= schemaFirst && ordinal <= schemaLast)
    .toReversed();
}
