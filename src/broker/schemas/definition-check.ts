import { RpcError } from '../../rpc/index.ts';
import {
  compileSchema,
  SchemaError,
  type CompiledSchema,
  type SchemaDefinition,
} from '../../schemas/index.ts';
import { limits, tooLarge } from '../limits.ts';
import { definitionBytes } from './schema-rows.ts';

/** Throws INVALID_ARGUMENT for a definition that is too long or is none. */
export function checkedSchema(definition: SchemaDefinition): CompiledSchema {
  const bytes = definitionBytes(definition);
  const { schemaBytesMax } = limits;
  if (bytes > schemaBytesMax) throw tooLarge('definition_size', bytes, schemaBytesMax);
  try {
    return compileSchema(definition);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new RpcError(
      'INVALID_ARGUMENT',
      'INVALID_SCHEMA',
      `Invalid schema definition: ${error.message}`,
      { cause: error },
    );
  }
}
