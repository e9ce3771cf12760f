import type { CompiledSchema, SchemaEncoding } from '../schema.ts';
import { verdictOf } from '../violation.ts';
import { checkAvroBinary } from './avro-binary.ts';
import { checkAvroJson } from './avro-json.ts';
import { parseAvro } from './avro-parser.ts';
import { unreadable } from './avro-resolution.ts';
import type { AvroType } from './avro-type.ts';

/** An Avro definition understood. */
export class AvroSchema implements CompiledSchema {
  readonly #type: AvroType;

  private constructor(type: AvroType) {
    this.#type = type;
  }

  /** @throws SchemaError */
  static of(definition: string): AvroSchema {
    return new AvroSchema(parseAvro(definition));
  }

  violation(data: Uint8Array, encoding: SchemaEncoding): string | null {
    const check = encoding === 'JSON' ? checkAvroJson : checkAvroBinary;
    return verdictOf(() => check(this.#type, data));
  }

  /** Each must read what the other wrote: readers and writers move to a revision at any time. */
  incompatibilityWith(previous: AvroSchema): string | null {
    const backward = unreadable(this.#type, previous.#type);
    if (backward !== null)
      return `The new revision cannot read the previous one's data: ${backward}`;
    const forward = unreadable(previous.#type, this.#type);
    return forward === null
      ? null
      : `The previous revision cannot read the new one's data: ${forward}`;
  }
}
