import { AvroSchema } from './avro/avro-schema.ts';
import { ProtoSchema } from './proto/proto-schema.ts';
import { SchemaError, type CompiledSchema, type SchemaDefinition } from './schema.ts';

/** What a definition may measure here, whatever larger limit the broker is given: seconds, not more. */
const maxDefinitionBytes = 2 ** 20;

/**
 * Understands a definition, once for many messages.
 *
 * @throws SchemaError with a sentence for the author of the definition.
 */
export function compileSchema(definition: SchemaDefinition): CompiledSchema {
  return understood(definition);
}

/**
 * Why `newer` may not follow `older` as a revision of one schema, or null if it may. Avro: each must
 * be able to read what the other wrote. Protocol Buffers: only optional fields come and go.
 *
 * @throws SchemaError if one of them is no definition at all.
 */
export function incompatibility(newer: SchemaDefinition, older: SchemaDefinition): string | null {
  if (newer.type !== older.type) return 'The type of a schema cannot be changed.';
  const next = understood(newer);
  const previous = understood(older);
  if (next instanceof AvroSchema) {
    return previous instanceof AvroSchema ? next.incompatibilityWith(previous) : null;
  }
  return previous instanceof ProtoSchema ? next.incompatibilityWith(previous) : null;
}

function understood(definition: SchemaDefinition): AvroSchema | ProtoSchema {
  const bytes = definition.compiled?.bytes.length ?? Buffer.byteLength(definition.definition);
  if (bytes > maxDefinitionBytes) {
    throw new SchemaError(
      `A definition has at most ${maxDefinitionBytes} bytes; this has ${bytes}.`,
    );
  }
  if (definition.compiled !== undefined && definition.definition !== '') {
    throw new SchemaError(
      'A schema has either a definition or a compiled descriptor set, not both.',
    );
  }
  if (definition.type === 'AVRO') {
    if (definition.compiled !== undefined) {
      throw new SchemaError('Only Protocol Buffer schemas can be given compiled.');
    }
    return AvroSchema.of(definition.definition);
  }
  return definition.compiled === undefined
    ? ProtoSchema.ofText(definition.definition)
    : ProtoSchema.ofCompiled(definition.compiled.bytes, definition.compiled.rootMessage);
}
