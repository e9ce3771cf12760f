import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import { checkDefault } from './avro-default.ts';
import { AvroNames, isPrimitive, isSimpleName, namespaceOf } from './avro-names.ts';
import {
  isEmptyType,
  maxAvroDepth,
  nameOf,
  type AvroField,
  type AvroNamed,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
  type Decimal,
} from './avro-type.ts';

type Json = Record<string, unknown>;

const orders = new Set<unknown>(['ascending', 'descending', 'ignore']);

/**
 * Reads a definition in the JSON of the Avro specification 1.11. A union at the top is refused, as
 * a schema defines one type. A logical type that is unknown or does not fit its type is ignored,
 * as the specification asks.
 *
 * @throws SchemaError
 */
export function parseAvro(text: string): AvroType {
  let definition: unknown;
  try {
    definition = JSON.parse(text);
  } catch (error) {
    throw new SchemaError(`The definition is not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(definition)) {
    throw new SchemaError('A schema defines exactly one type at the top, not a union.');
  }
  return new AvroParser().type(definition, '', 0);
}

class AvroParser {
  readonly #names = new AvroNames();

  type(definition: unknown, namespace: string, depth: number): AvroType {
    if (depth > maxAvroDepth) {
      throw new SchemaError(`Types are nested more than ${maxAvroDepth} deep.`);
    }
    if (typeof definition === 'string') return this.#names.named(definition, namespace);
    if (Array.isArray(definition)) return this.#union(definition, namespace, depth);
    if (typeof definition !== 'object' || definition === null) {
      throw new SchemaError(`${quoted(String(definition))} defines no type.`);
    }
    return this.#object(definition as Json, namespace, depth);
  }

  #object(definition: Json, namespace: string, depth: number): AvroType {
    const kind = definition['type'];
    switch (kind) {
      case 'record':
        return this.#record(definition, namespace, depth);
      case 'enum':
        return this.#enum(definition, namespace);
      case 'fixed':
        return this.#fixed(definition, namespace);
      case 'array':
        return { kind, items: this.#part(definition, 'items', namespace, depth) };
      case 'map':
        return { kind, values: this.#part(definition, 'values', namespace, depth) };
      default:
        return this.#reference(definition, namespace);
    }
  }

  #reference(definition: Json, namespace: string): AvroType {
    const kind = definition['type'];
    if (typeof kind !== 'string') {
      throw new SchemaError('The "type" of a type is missing or is not a string.');
    }
    if (!isPrimitive(kind)) return this.#names.named(kind, namespace);
    return kind === 'bytes' ? { kind, decimal: decimalOf(definition, Infinity) } : { kind };
  }

  #part(definition: Json, part: string, namespace: string, depth: number): AvroType {
    if (!Object.hasOwn(definition, part)) {
      throw new SchemaError(`${quoted(String(definition['type']))} needs "${part}".`);
    }
    return this.type(definition[part], namespace, depth + 1);
  }

  #record(definition: Json, namespace: string, depth: number): AvroRecord {
    const name = AvroNames.fullNameIn(definition, namespace);
    const aliases = AvroNames.aliasesOf(definition, name);
    const record: AvroRecord = {
      kind: 'record',
      name,
      aliases,
      fields: [],
      fieldAt: new Map(),
      requiredCount: 0,
      solid: [],
      isEmpty: false,
    };
    this.#names.define(record);
    const fields = definition['fields'];
    if (!Array.isArray(fields)) {
      throw new SchemaError(`Record ${quoted(name)} needs an array of "fields".`);
    }
    for (const each of fields as unknown[]) this.#addField(record, each, depth);
    const solid = record.fields.map(({ type }) => type).filter((type) => !isEmptyType(type));
    for (const type of solid) record.solid.push(solidOf(type));
    // A record within itself is not empty: its values are endless, or end in a union's branch.
    record.isEmpty = solid.length === 0;
    return record;
  }

  #addField(record: AvroRecord, definition: unknown, depth: number): void {
    const field = this.#field(record, definition, depth);
    if (record.fieldAt.has(field.name)) {
      throw new SchemaError(`Record ${quoted(record.name)} has two fields ${quoted(field.name)}.`);
    }
    record.fieldAt.set(field.name, record.fields.length);
    record.fields.push(field);
    if (!field.hasDefault) record.requiredCount++;
  }

  #field(record: AvroRecord, definition: unknown, depth: number): AvroField {
    const shape = (definition ?? {}) as Json;
    const { name, aliases, order } = shape;
    if (!isSimpleName(name)) {
      throw new SchemaError(`A field of ${quoted(record.name)} has no proper name.`);
    }
    const where = `field ${quoted(name)} of ${quoted(record.name)}`;
    if (!Object.hasOwn(shape, 'type')) throw new SchemaError(`The ${where} needs a "type".`);
    if (order !== undefined && !orders.has(order)) {
      throw new SchemaError(`The order of the ${where} is none of ${[...orders].join(', ')}.`);
    }
    if (aliases !== undefined && !(Array.isArray(aliases) && aliases.every(isSimpleName))) {
      throw new SchemaError(`The aliases of the ${where} are not an array of names.`);
    }
    const type = this.type(shape['type'], namespaceOf(record.name), depth + 1);
    const hasDefault = Object.hasOwn(shape, 'default');
    if (hasDefault) checkDefault(shape['default'], type, where);
    return { name, aliases: aliases ?? [], type, hasDefault };
  }

  #enum(definition: Json, namespace: string): AvroNamed {
    const name = AvroNames.fullNameIn(definition, namespace);
    const { symbols, default: fallback } = definition;
    if (!Array.isArray(symbols) || !symbols.every(isSimpleName)) {
      throw new SchemaError(`Enum ${quoted(name)} needs an array of names as "symbols".`);
    }
    const distinct = new Set<string>(symbols);
    if (distinct.size !== symbols.length) {
      throw new SchemaError(`Enum ${quoted(name)} has a symbol twice.`);
    }
    if (fallback !== undefined && !distinct.has(fallback as string)) {
      throw new SchemaError(`The default of enum ${quoted(name)} is none of its symbols.`);
    }
    const aliases = AvroNames.aliasesOf(definition, name);
    const hasDefault = fallback !== undefined;
    return this.#defined({ kind: 'enum', name, aliases, symbols: distinct, hasDefault });
  }

  #fixed(definition: Json, namespace: string): AvroNamed {
    const name = AvroNames.fullNameIn(definition, namespace);
    const size = definition['size'];
    if (!Number.isSafeInteger(size) || (size as number) < 0) {
      throw new SchemaError(
        `Fixed ${quoted(name)} needs a "size", an integer that is not negative.`,
      );
    }
    const aliases = AvroNames.aliasesOf(definition, name);
    const decimal = decimalOf(definition, size as number);
    return this.#defined({ kind: 'fixed', name, aliases, size: size as number, decimal });
  }

  #defined(type: AvroNamed): AvroNamed {
    this.#names.define(type);
    return type;
  }

  #union(definitions: readonly unknown[], namespace: string, depth: number): AvroUnion {
    const branchOf = new Map<string, AvroType>();
    for (const definition of definitions) {
      if (Array.isArray(definition)) throw new SchemaError('A union cannot hold a union.');
      const branch = this.type(definition, namespace, depth + 1);
      if (branchOf.has(nameOf(branch))) {
        throw new SchemaError(`A union holds ${quoted(nameOf(branch))} twice.`);
      }
      branchOf.set(nameOf(branch), branch);
    }
    return { kind: 'union', branches: [...branchOf.values()], branchOf };
  }
}

/** What takes the bytes of a type's values; a record that is not parsed yet stands for itself. */
function solidOf(type: AvroType): AvroType {
  return type.kind === 'record' && type.solid.length === 1 ? type.solid[0]! : type;
}

/** The decimal that bytes or a fixed of `size` hold, if they are said to and can. */
function decimalOf(definition: Json, size: number): Decimal | undefined {
  const { logicalType, precision, scale = 0 } = definition;
  if (logicalType !== 'decimal' || !isCount(precision) || !isCount(scale)) return undefined;
  const digits = Math.floor(Math.log10(2) * (8 * size - 1));
  const fits = precision > 0 && scale <= precision && precision <= digits;
  return fits ? { precision, scale } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
