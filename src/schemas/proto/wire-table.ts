import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label } from '@bufbuild/protobuf/wkt';

/** Of the wire format: how a value is laid out. */
export const wire = { varint: 0, bits64: 1, length: 2, start: 3, end: 4, bits32: 5 } as const;

/** What a field's bytes must be. */
export interface WireField {
  /** Of one value; a list of numbers may be packed, too. */
  readonly wireType: number;
  readonly isPackable: boolean;
  readonly isText: boolean;
  readonly message: WireTable | undefined;
}

/** A message's fields by number, filled when it is first met: messages refer to each other. */
export interface WireTable {
  readonly fields: Map<number, WireField>;
  readonly required: readonly { readonly number: number; readonly name: string }[];
}

/** The tables of a message and all that it refers to. */
export function wireTableOf(root: DescMessage): WireTable {
  const tables = new Map<DescMessage, WireTable>();
  const open: DescMessage[] = [];
  const rootTable = tableOf(root);
  for (let message = open.pop(); message !== undefined; message = open.pop()) {
    const table = tableOf(message);
    for (const field of message.fields) table.fields.set(field.number, wireField(field));
  }
  return rootTable;

  function tableOf(message: DescMessage): WireTable {
    const known = tables.get(message);
    if (known !== undefined) return known;
    const required = message.fields
      .filter(isRequired)
      .map(({ number, name }) => ({ number, name }));
    const table: WireTable = { fields: new Map(), required };
    tables.set(message, table);
    open.push(message);
    return table;
  }

  function wireField(field: DescField): WireField {
    if (field.fieldKind === 'map') return mapField(field);
    if (field.message !== undefined) {
      const wireType = field.delimitedEncoding ? wire.start : wire.length;
      return { wireType, isPackable: false, isText: false, message: tableOf(field.message) };
    }
    return scalarField(field.scalar, field.fieldKind === 'list', field.utf8Validation);
  }

  function mapField(field: DescField & { fieldKind: 'map' }): WireField {
    const value =
      field.message === undefined
        ? scalarField(field.scalar, false, field.utf8Validation)
        : {
            wireType: wire.length,
            isPackable: false,
            isText: false,
            message: tableOf(field.message),
          };
    const key = scalarField(field.mapKey, false, field.utf8Validation);
    const entry = new Map([
      [1, key],
      [2, value],
    ]);
    const message = { fields: entry, required: [] };
    return { wireType: wire.length, isPackable: false, isText: false, message };
  }
}

function isRequired(field: DescField): boolean {
  return field.proto.label === FieldDescriptorProto_Label.REQUIRED;
}

/** Enums, which have no scalar, travel as numbers. */
function scalarField(
  scalar: ScalarType | undefined,
  isList: boolean,
  isValidated: boolean,
): WireField {
  const wireType = scalar === undefined ? wire.varint : (wireTypes[scalar] ?? wire.varint);
  return {
    wireType,
    isPackable: isList && wireType !== wire.length,
    isText: scalar === ScalarType.STRING && isValidated,
    message: undefined,
  };
}

const wireTypes: Readonly<Partial<Record<ScalarType, number>>> = {
  [ScalarType.STRING]: wire.length,
  [ScalarType.BYTES]: wire.length,
  [ScalarType.DOUBLE]: wire.bits64,
  [ScalarType.FIXED64]: wire.bits64,
  [ScalarType.SFIXED64]: wire.bits64,
  [ScalarType.FLOAT]: wire.bits32,
  [ScalarType.FIXED32]: wire.bits32,
  [ScalarType.SFIXED32]: wire.bits32,
};
