import { isPrimitive, unqualified } from './avro-names.ts';
import {
  nameOf,
  type AvroEnum,
  type AvroFixed,
  type AvroNamed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
  type Decimal,
  type PrimitiveKind,
} from './avro-type.ts';

/** What a reader of a kind also reads, by the specification's promotions. */
const promotions: Readonly<Partial<Record<PrimitiveKind, readonly string[]>>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
};

const maxDepth = 1000;
/** Of types, and of the symbols and aliases that they bring along. */
const maxComparisons = 5_000_000;

/**
 * Why a reader of one type may fail on data written with another, by the schema resolution of the
 * Avro specification, or null if it reads all of it.
 */
export function unreadable(reader: AvroType, writer: AvroType): string | null {
  return new Resolution().reason(reader, writer, 0);
}

class Resolution {
  /** Verdicts on pairs of records; null while a pair is compared, so that recursion ends. */
  readonly #known = new Map<AvroRecord, Map<AvroRecord, string | null>>();
  /** The pairs taken for readable, in order; some only as long as the one around them is. */
  readonly #readable: (readonly [AvroRecord, AvroRecord])[] = [];
  readonly #knownEnums = new Map<AvroEnum, Map<AvroEnum, string | null>>();
  #comparisons = 0;

  reason(reader: AvroType, writer: AvroType, depth: number): string | null {
    if (depth > maxDepth || ++this.#comparisons > maxComparisons) {
      return 'the definitions are too involved to compare.';
    }
    if (writer.kind === 'union') return this.#writtenUnion(reader, writer, depth);
    if (reader.kind === 'union') return this.#readUnion(reader, writer, depth);
    if (isPrimitiveType(reader) && isPrimitiveType(writer)) return primitiveReason(reader, writer);
    if (reader.kind === 'array' && writer.kind === 'array') {
      return this.reason(reader.items, writer.items, depth + 1);
    }
    if (reader.kind === 'map' && writer.kind === 'map') {
      return this.reason(reader.values, writer.values, depth + 1);
    }
    return this.#named(reader, writer, depth);
  }

  #named(reader: AvroType, writer: AvroType, depth: number): string | null {
    if (!('name' in reader && 'name' in writer)) return mismatch(reader, writer);
    this.#comparisons += reader.aliases.length;
    if (!hasName(reader, writer)) return mismatch(reader, writer);
    if (reader.kind === 'enum' && writer.kind === 'enum') return this.#enum(reader, writer);
    if (reader.kind === 'fixed' && writer.kind === 'fixed') return fixedReason(reader, writer);
    if (reader.kind === 'record' && writer.kind === 'record') {
      return this.#record(reader, writer, depth);
    }
    return mismatch(reader, writer);
  }

  #enum(reader: AvroEnum, writer: AvroEnum): string | null {
    const known = this.#knownEnums.get(reader) ?? new Map<AvroEnum, string | null>();
    this.#knownEnums.set(reader, known);
    let reason = known.get(writer);
    if (reason === undefined) {
      this.#comparisons += writer.symbols.size;
      reason = enumReason(reader, writer);
      known.set(writer, reason);
    }
    return reason;
  }

  /** Each branch may have been written. */
  #writtenUnion(reader: AvroType, writer: AvroUnion, depth: number): string | null {
    for (const branch of writer.branches) {
      const reason = this.reason(reader, branch, depth + 1);
      if (reason !== null) return reason;
    }
    return null;
  }

  /** The first branch that matches reads it; most often that of the same name. */
  #readUnion(reader: AvroUnion, writer: AvroType, depth: number): string | null {
    const same = reader.branchOf.get(nameOf(writer));
    if (same !== undefined && this.reason(same, writer, depth + 1) === null) return null;
    for (const branch of reader.branches) {
      if (branch !== same && this.reason(branch, writer, depth + 1) === null) return null;
    }
    return `no branch of the reader's union reads ${nameOf(writer)}.`;
  }

  #record(reader: AvroRecord, writer: AvroRecord, depth: number): string | null {
    const known = this.#known.get(reader) ?? new Map<AvroRecord, string | null>();
    this.#known.set(reader, known);
    const verdict = known.get(writer);
    if (verdict !== undefined) return verdict;
    known.set(writer, null);
    const before = this.#readable.push([reader, writer]) - 1;
    const reason = this.#fields(reader, writer, depth);
    if (reason === null) return null;
    for (const [one, other] of this.#readable.splice(before)) this.#known.get(one)?.delete(other);
    known.set(writer, reason);
    return reason;
  }

  #fields(reader: AvroRecord, writer: AvroRecord, depth: number): string | null {
    for (const field of reader.fields) {
      this.#comparisons += 1 + field.aliases.length;
      const at = [field.name, ...field.aliases].map((name) => writer.fieldAt.get(name));
      const written = at.find((index) => index !== undefined);
      if (written === undefined) {
        if (field.hasDefault) continue;
        return `${reader.name}.${field.name} has no default and is missing in what was written.`;
      }
      const reason = this.reason(field.type, writer.fields[written]!.type, depth + 1);
      if (reason !== null) return within(`${reader.name}.${field.name}`, reason);
    }
    return null;
  }
}

/** Names the innermost field only: paths could grow as long as the definition. */
function within(field: string, reason: string): string {
  return reason.startsWith('in ') ? reason : `in ${field}, ${reason}`;
}

function hasName(reader: AvroNamed, writer: AvroNamed): boolean {
  return (
    unqualified(reader.name) === unqualified(writer.name) || reader.aliases.includes(writer.name)
  );
}

function enumReason(reader: AvroEnum, writer: AvroEnum): string | null {
  if (reader.hasDefault) return null;
  for (const symbol of writer.symbols) {
    if (!reader.symbols.has(symbol)) return `${reader.name} lacks the symbol ${symbol}.`;
  }
  return null;
}

function fixedReason(reader: AvroFixed, writer: AvroFixed): string | null {
  if (reader.size !== writer.size) {
    return `${reader.name} has ${reader.size} bytes, not ${writer.size}.`;
  }
  return decimalReason(reader.decimal, writer.decimal);
}

function isPrimitiveType(type: AvroType): type is AvroPrimitive {
  return isPrimitive(type.kind);
}

function primitiveReason(reader: AvroPrimitive, writer: AvroPrimitive): string | null {
  const { kind } = reader;
  if (kind !== writer.kind && promotions[kind]?.includes(writer.kind) !== true) {
    return mismatch(reader, writer);
  }
  return decimalReason(reader.decimal, writer.decimal);
}

/** Two decimals match in scale and precision. */
function decimalReason(reader?: Decimal, writer?: Decimal): string | null {
  if (reader === undefined || writer === undefined) return null;
  if (reader.scale === writer.scale && reader.precision === writer.precision) return null;
  const [read, written] = [reader, writer].map((one) => `decimal(${one.precision}, ${one.scale})`);
  return `${read} does not read ${written}.`;
}

function mismatch(reader: AvroType, writer: AvroType): string {
  return `${nameOf(reader)} does not read ${nameOf(writer)}.`;
}
