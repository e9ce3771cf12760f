/**
 * schemas: Avro and Protocol Buffer definitions, what conforms to them, and which may follow which.
 *
 * Pure: definitions and bytes in, verdicts out. Revisions and topics are the broker's business.
 */
export { compileSchema, incompatibility } from './schema-compiler.ts';
export {
  SchemaError,
  type CompiledSchema,
  type SchemaDefinition,
  type SchemaEncoding,
  type SchemaType,
} from './schema.ts';
