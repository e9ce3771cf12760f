export type SchemaType = 'AVRO' | 'PROTOCOL_BUFFER';
export type SchemaEncoding = 'JSON' | 'BINARY';

/** What a revision says of messages (google.pubsub.v1.Schema). */
export interface SchemaDefinition {
  readonly type: SchemaType;
  /** Avro's JSON, or a .proto file; empty where `compiled` is given. */
  readonly definition: string;
  /** A FileDescriptorSet in place of a text; PROTOCOL_BUFFER only. */
  readonly compiled?: { readonly rootMessage: string; readonly bytes: Uint8Array };
}

/** A definition that was understood. Safe to ask about whatever bytes clients send. */
export interface CompiledSchema {
  /** Null if `data` is a message of this schema; else why not, in a sentence. Never throws. */
  violation(data: Uint8Array, encoding: SchemaEncoding): string | null;
}

/** Why a definition is none; `message` is for its author. */
export class SchemaError extends Error {
  override readonly name: string = 'SchemaError';
}
