/** A definition understood: names are full, references are resolved (so this may have cycles). */
export type AvroType =
  | AvroPrimitive
  | AvroRecord
  | AvroEnum
  | AvroFixed
  | AvroArray
  | AvroMap
  | AvroUnion;

/** Types with a name, which others may refer to. */
export type AvroNamed = AvroRecord | AvroEnum | AvroFixed;

export const primitiveKinds = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
] as const;

export type PrimitiveKind = (typeof primitiveKinds)[number];

/** The one logical type that the rules of resolution look at; the others are their types. */
export interface Decimal {
  readonly precision: number;
  readonly scale: number;
}

export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
  readonly decimal?: Decimal | undefined;
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly hasDefault: boolean;
}

export interface AvroRecord {
  readonly kind: 'record';
  readonly name: string;
  readonly aliases: readonly string[];
  /** Filled while the record is parsed, as its fields may refer to it. */
  readonly fields: AvroField[];
  readonly fieldAt: Map<string, number>;
  /** How many of its fields have no default. */
  requiredCount: number;
  /**
   * What the bytes of its values are made of, once it is parsed: the fields that take any, and in
   * place of a record of only one such that one. So no value is visited without a byte for it.
   */
  readonly solid: AvroType[];
  /** Whether its values take no byte, so that nothing bounds how many a message may hold. */
  isEmpty: boolean;
}

export interface AvroEnum {
  readonly kind: 'enum';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly symbols: ReadonlySet<string>;
  readonly hasDefault: boolean;
}

export interface AvroFixed {
  readonly kind: 'fixed';
  readonly name: string;
  readonly aliases: readonly string[];
  /** Bytes. */
  readonly size: number;
  readonly decimal?: Decimal | undefined;
}

export interface AvroArray {
  readonly kind: 'array';
  readonly items: AvroType;
}

export interface AvroMap {
  readonly kind: 'map';
  readonly values: AvroType;
}

export interface AvroUnion {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
  /** By the names that JSON gives them. */
  readonly branchOf: ReadonlyMap<string, AvroType>;
}

/** How many types a message or a definition may nest; deeper ones are refused. */
export const maxAvroDepth = 256;

/** What a union's JSON calls a branch, and errors a type. */
export function nameOf(type: AvroType): string {
  return 'name' in type ? type.name : type.kind;
}

/** Whether a value takes no byte of a binary message. */
export function isEmptyType(type: AvroType): boolean {
  if (type.kind === 'record') return type.isEmpty;
  return type.kind === 'null' || (type.kind === 'fixed' && type.size === 0);
}
