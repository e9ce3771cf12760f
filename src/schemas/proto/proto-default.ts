import { FieldDescriptorProto_Type, type FieldDescriptorProto } from '@bufbuild/protobuf/wkt';

const decimal = /^-?[0-9]+$/;
const float = /^-?(?:inf|nan|[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)$/;

/** The integers of each type, both ends included. */
const ranges: ReadonlyMap<FieldDescriptorProto_Type, readonly [bigint, bigint]> = new Map([
  [FieldDescriptorProto_Type.INT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [FieldDescriptorProto_Type.SINT32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [FieldDescriptorProto_Type.SFIXED32, [-(2n ** 31n), 2n ** 31n - 1n]],
  [FieldDescriptorProto_Type.UINT32, [0n, 2n ** 32n - 1n]],
  [FieldDescriptorProto_Type.FIXED32, [0n, 2n ** 32n - 1n]],
  [FieldDescriptorProto_Type.INT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [FieldDescriptorProto_Type.SINT64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [FieldDescriptorProto_Type.SFIXED64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [FieldDescriptorProto_Type.UINT64, [0n, 2n ** 64n - 1n]],
  [FieldDescriptorProto_Type.FIXED64, [0n, 2n ** 64n - 1n]],
]);

/** Whether the default of a field, as descriptors write it, is one of the field's type. */
export function isDefault(field: FieldDescriptorProto): boolean {
  const { type, defaultValue: text } = field;
  switch (type) {
    case FieldDescriptorProto_Type.STRING:
    case FieldDescriptorProto_Type.BYTES:
    case FieldDescriptorProto_Type.ENUM:
      return true;
    case FieldDescriptorProto_Type.BOOL:
      return text === 'true' || text === 'false';
    case FieldDescriptorProto_Type.FLOAT:
    case FieldDescriptorProto_Type.DOUBLE:
      return float.test(text) && /[0-9]|inf|nan/.test(text);
    default:
      return isInRange(text, ranges.get(type));
  }
}

function isInRange(text: string, range: readonly [bigint, bigint] | undefined): boolean {
  if (range === undefined || text.length > 30 || !decimal.test(text)) return false;
  return BigInt(text) >= range[0] && BigInt(text) <= range[1];
}
