import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { SchemaError } from '../schema.ts';
import { quoted } from '../violation.ts';
import { fieldNumbers, NumberRanges } from './number-ranges.ts';
import { isDefault } from './proto-default.ts';
import { joined } from './proto-scope.ts';

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
/** The numbers that the implementations of Protocol Buffers keep for themselves. */
const ownNumbers = { first: 19_000, last: 19_999 };
const keyTypes = new Set<FieldDescriptorProto_Type>([
  FieldDescriptorProto_Type.INT64,
  FieldDescriptorProto_Type.UINT64,
  FieldDescriptorProto_Type.INT32,
  FieldDescriptorProto_Type.FIXED64,
  FieldDescriptorProto_Type.FIXED32,
  FieldDescriptorProto_Type.BOOL,
  FieldDescriptorProto_Type.STRING,
  FieldDescriptorProto_Type.UINT32,
  FieldDescriptorProto_Type.SFIXED32,
  FieldDescriptorProto_Type.SFIXED64,
  FieldDescriptorProto_Type.SINT32,
  FieldDescriptorProto_Type.SINT64,
]);

/**
 * The rules of protoc that a descriptor of a file must obey, whoever made it: names, numbers,
 * ranges, what proto3 lacks. `names` holds the full names of the files before it.
 *
 * @throws SchemaError
 */
export function checkFile(file: FileDescriptorProto, names: Set<string>): void {
  if (file.package !== '') file.package.split('.').forEach((part) => checkName(part, 'package'));
  new ProtoRules(file.syntax === 'proto3', names).types(
    file.package,
    file.messageType,
    file.enumType,
  );
}

class ProtoRules {
  readonly #isProto3: boolean;
  readonly #names: Set<string>;

  constructor(isProto3: boolean, names: Set<string>) {
    this.#isProto3 = isProto3;
    this.#names = names;
  }

  types(
    scope: string,
    messages: readonly DescriptorProto[],
    enums: readonly EnumDescriptorProto[],
  ): void {
    for (const each of messages) this.#message(scope, each);
    for (const each of enums) this.#enum(scope, each);
  }

  #message(scope: string, message: DescriptorProto): void {
    const fullName = this.#define(scope, message.name, 'message');
    for (const oneof of message.oneofDecl) this.#define(fullName, oneof.name, 'oneof');
    const kept = this.#reservations(fullName, message);
    const numbers = new Set<number>();
    const jsonNames = new Set<string>();
    for (const field of message.field) {
      this.#define(fullName, field.name, 'field');
      this.#field(fullName, message, field);
      const where = `field ${quoted(field.name)} of ${quoted(fullName)}`;
      unique(numbers, field.number, `The number ${field.number} of the ${where} is taken.`);
      unique(jsonNames, field.jsonName, `The JSON name of the ${where} is taken.`);
      if (kept.has(field.number)) throw new SchemaError(`The number of the ${where} is reserved.`);
    }
    if (message.options?.mapEntry === true) checkMapEntry(fullName, message);
    this.types(fullName, message.nestedType, message.enumType);
  }

  #reservations(fullName: string, message: DescriptorProto): NumberRanges {
    const names = new Set(message.reservedName);
    const reserved = message.field.find((field) => names.has(field.name));
    if (reserved !== undefined) {
      throw new SchemaError(
        `The name ${quoted(reserved.name)} is reserved in ${quoted(fullName)}.`,
      );
    }
    if (message.options?.messageSetWireFormat === true) {
      throw new SchemaError(`${quoted(fullName)} is a message set, which schemas cannot be.`);
    }
    const ranges = [...message.reservedRange, ...message.extensionRange].map(({ start, end }) => ({
      first: start,
      last: end - 1,
    }));
    return new NumberRanges(ranges, fieldNumbers, fullName);
  }

  #field(message: string, parent: DescriptorProto, field: FieldDescriptorProto): void {
    const { number, label, oneofIndex } = field;
    const where = `field ${quoted(field.name)} of ${quoted(message)}`;
    if (!(number >= fieldNumbers.first && number <= fieldNumbers.last)) {
      throw new SchemaError(
        `The number of the ${where} is not between 1 and ${fieldNumbers.last}.`,
      );
    }
    if (number >= ownNumbers.first && number <= ownNumbers.last) {
      throw new SchemaError(`The number of the ${where} is in 19000 to 19999, which is reserved.`);
    }
    if (this.#isProto3 && label === FieldDescriptorProto_Label.REQUIRED) {
      throw new SchemaError(`The ${where} is required, which proto3 does not have.`);
    }
    if (Object.hasOwn(field, 'defaultValue') && !isDefault(field)) {
      throw new SchemaError(`The default of the ${where} is none of its type.`);
    }
    const isMember = Object.hasOwn(field, 'oneofIndex');
    if (!isMember) return;
    if (
      parent.oneofDecl[oneofIndex] === undefined ||
      label !== FieldDescriptorProto_Label.OPTIONAL
    ) {
      throw new SchemaError(`The ${where} cannot be in its oneof.`);
    }
  }

  #enum(scope: string, definition: EnumDescriptorProto): void {
    const fullName = this.#define(scope, definition.name, 'enum');
    const first = definition.value[0];
    if (first === undefined) throw new SchemaError(`Enum ${quoted(fullName)} has no values.`);
    if (this.#isProto3 && first.number !== 0) {
      throw new SchemaError(`The first value of enum ${quoted(fullName)} must be 0 in proto3.`);
    }
    const kept = new NumberRanges(
      definition.reservedRange.map(({ start, end }) => ({ first: start, last: end })),
      { first: -(2 ** 31), last: 2 ** 31 - 1 },
      fullName,
    );
    const reservedNames = new Set(definition.reservedName);
    const numbers = new Set<number>();
    for (const { name, number } of definition.value) {
      // Values are siblings of their enum, as in C++.
      this.#define(scope, name, 'value');
      const where = `value ${quoted(name)} of enum ${quoted(fullName)}`;
      if (kept.has(number) || reservedNames.has(name)) {
        throw new SchemaError(`The ${where} is reserved.`);
      }
      if (definition.options?.allowAlias === true) continue;
      unique(numbers, number, `The number ${number} of the ${where} is taken.`);
    }
  }

  #define(scope: string, name: string, what: string): string {
    checkName(name, what);
    const fullName = joined(scope, name);
    unique(this.#names, fullName, `${quoted(fullName)} is defined twice.`);
    return fullName;
  }
}

function unique<T>(seen: Set<T>, value: T, otherwise: string): void {
  if (seen.has(value)) throw new SchemaError(otherwise);
  seen.add(value);
}

function checkName(name: string, what: string): void {
  if (!identifier.test(name)) throw new SchemaError(`${quoted(name)} is no name of a ${what}.`);
}

function checkMapEntry(fullName: string, entry: DescriptorProto): void {
  const [key, value] = entry.field;
  const isEntry = entry.field.length === 2 && key?.number === 1 && value?.number === 2;
  if (!isEntry || !keyTypes.has(key.type) || isRepeated(key) || isRepeated(value)) {
    throw new SchemaError(
      `${quoted(fullName)} is no entry of a map: a key is a scalar or a string.`,
    );
  }
}

function isRepeated(field: FieldDescriptorProto): boolean {
  return field.label === FieldDescriptorProto_Label.REPEATED;
}
