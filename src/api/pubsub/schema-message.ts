import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import { invalidArgument, type SchemaRevision, type SchemaView } from '../../broker/index.ts';
import type { SchemaDefinition, SchemaEncoding, SchemaType } from '../../schemas/index.ts';
import {
  Encoding,
  Schema_Type,
  SchemaSchema,
  SchemaView as ViewMessage,
  type Schema as SchemaMessage,
} from '../../proto/google/pubsub/v1/schema_pb.ts';

const types: ReadonlyMap<Schema_Type, SchemaType> = new Map([
  [Schema_Type.AVRO, 'AVRO'],
  [Schema_Type.PROTOCOL_BUFFER, 'PROTOCOL_BUFFER'],
]);

const encodings: ReadonlyMap<Encoding, SchemaEncoding> = new Map([
  [Encoding.JSON, 'JSON'],
  [Encoding.BINARY, 'BINARY'],
]);

/** What a request says of a schema; its name and outputs are ignored. Throws INVALID_ARGUMENT. */
export function definitionFromMessage(message: SchemaMessage | undefined): SchemaDefinition {
  if (message === undefined) throw invalidArgument('schema must be set');
  const type = types.get(message.type);
  if (type === undefined) throw invalidArgument('schema.type must be AVRO or PROTOCOL_BUFFER');
  const { definition, configuration } = message;
  if (configuration.case === undefined) {
    if (definition === '') throw invalidArgument('schema.definition must be set');
    return { type, definition };
  }
  if (type !== 'PROTOCOL_BUFFER') {
    throw invalidArgument('schema.compiled_proto_schema needs the type PROTOCOL_BUFFER');
  }
  if (definition !== '') {
    throw invalidArgument('schema: definition and compiled_proto_schema exclude each other');
  }
  const { rootMessage, compiledBytes: bytes } = configuration.value;
  if (rootMessage === '') {
    throw invalidArgument('schema.compiled_proto_schema.root_message must be set');
  }
  return { type, definition, compiled: { rootMessage, bytes } };
}

/** `name`: with `@REVISION` where the answer is about that revision. */
export function schemaToMessage(
  revision: SchemaRevision,
  view: SchemaView = 'FULL',
  name: string = revision.name,
): SchemaMessage {
  const { type, definition, compiled, revisionId, revisionCreateTimeMs } = revision;
  const isFull = view === 'FULL';
  return create(SchemaSchema, {
    name,
    type: type === 'AVRO' ? Schema_Type.AVRO : Schema_Type.PROTOCOL_BUFFER,
    revisionId,
    revisionCreateTime: timestampFromMs(revisionCreateTimeMs),
    ...(isFull && { definition }),
    ...(isFull && compiled && { configuration: compiledToMessage(compiled) }),
  });
}

function compiledToMessage({ rootMessage, bytes }: NonNullable<SchemaDefinition['compiled']>): {
  case: 'compiledProtoSchema';
  value: {
    $typeName: 'google.pubsub.v1.CompiledProtoSchema';
    rootMessage: string;
    compiledBytes: Uint8Array;
  };
} {
  const $typeName = 'google.pubsub.v1.CompiledProtoSchema';
  return { case: 'compiledProtoSchema', value: { $typeName, rootMessage, compiledBytes: bytes } };
}

/** The view that is asked for. Throws INVALID_ARGUMENT for one that there is not. */
export function viewOf(view: ViewMessage, fallback: SchemaView): SchemaView {
  if (view === ViewMessage.SCHEMA_VIEW_UNSPECIFIED) return fallback;
  if (view === ViewMessage.BASIC) return 'BASIC';
  if (view === ViewMessage.FULL) return 'FULL';
  throw invalidArgument(`view: ${String(view)} is no SchemaView`);
}

/** Throws INVALID_ARGUMENT unless it is JSON or BINARY; `field` says where it stands. */
export function encodingOf(encoding: Encoding, field: string): SchemaEncoding {
  const known = encodings.get(encoding);
  if (known === undefined) throw invalidArgument(`${field} must be JSON or BINARY`);
  return known;
}

export function encodingToMessage(encoding: SchemaEncoding): Encoding {
  return encoding === 'JSON' ? Encoding.JSON : Encoding.BINARY;
}
