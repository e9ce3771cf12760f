import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label } from '@bufbuild/protobuf/wkt';
import { fieldNumbers, NumberRanges } from './number-ranges.ts';

/**
 * Why a message may not follow another as a revision, or null. Optional fields come and go; fields
 * that stay are as they were, and so are enums. Numbers and names that were reserved stay unused.
 */
export function protoIncompatibility(newer: DescMessage, older: DescMessage): string | null {
  if (newer.typeName !== older.typeName) {
    return `The message ${older.typeName} was renamed to ${newer.typeName}.`;
  }
  // Each pair is compared once, so recursive ones end and shared ones cost nothing more.
  const pairs: Pairs = { messages: new Map([[older, newer]]), enums: new Map() };
  for (const [before, after] of pairs.messages) {
    const reason = messageReason(after, before, pairs);
    if (reason !== null) return reason;
  }
  for (const [before, after] of pairs.enums) {
    const reason = enumReason(after, before);
    if (reason !== null) return reason;
  }
  return null;
}

/** What is yet to compare and what was: the newer ones by the older. */
interface Pairs {
  readonly messages: Map<DescMessage, DescMessage>;
  readonly enums: Map<DescEnum, DescEnum>;
}

function messageReason(newer: DescMessage, older: DescMessage, pairs: Pairs): string | null {
  const before = new Map(older.fields.map((field) => [field.number, field]));
  const reserved = reservedOf(older);
  for (const field of newer.fields) {
    const previous = before.get(field.number);
    before.delete(field.number);
    const reason =
      previous === undefined ? addedReason(field, reserved) : keptReason(field, previous, pairs);
    if (reason !== null) return reason;
  }
  for (const field of before.values()) {
    if (!isOptional(field)) return `${pathOf(field)} was removed and is not optional.`;
  }
  return null;
}

function addedReason(field: DescField, reserved: Reserved): string | null {
  if (!isOptional(field)) return `${pathOf(field)} was added and is not optional.`;
  if (reserved.names.has(field.name)) return `${pathOf(field)} has a name that was reserved.`;
  return reserved.numbers.has(field.number)
    ? `${pathOf(field)} has a number that was reserved.`
    : null;
}

interface Reserved {
  readonly names: ReadonlySet<string>;
  readonly numbers: NumberRanges;
}

function reservedOf({ proto, typeName }: DescMessage): Reserved {
  const ranges = proto.reservedRange.map(({ start, end }) => ({ first: start, last: end - 1 }));
  return {
    names: new Set(proto.reservedName),
    numbers: new NumberRanges(ranges, fieldNumbers, typeName),
  };
}

function keptReason(newer: DescField, older: DescField, pairs: Pairs): string | null {
  const [before, after] = [shapeOf(older), shapeOf(newer)];
  for (const [part, value] of before) {
    if (after.get(part) !== value) {
      return `${pathOf(older)} = ${older.number} has another ${part} than before.`;
    }
  }
  if (newer.message !== undefined && older.message !== undefined) {
    pairs.messages.set(older.message, newer.message);
  }
  if (newer.enum !== undefined && older.enum !== undefined) {
    pairs.enums.set(older.enum, newer.enum);
  }
  return null;
}

/** Whether a field may be absent: neither required nor a list or map. */
function isOptional(field: DescField): boolean {
  return field.proto.label === FieldDescriptorProto_Label.OPTIONAL;
}

function pathOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** All that an edit of a field could change, and that its readers or writers would notice. */
function shapeOf(field: DescField): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ['name', field.name],
    ['JSON name', field.jsonName],
    ['label', field.proto.label],
    ['presence', field.presence],
    ['type', `${field.proto.type} ${field.message?.typeName ?? field.enum?.typeName ?? ''}`],
    ['type of keys', field.fieldKind === 'map' ? field.mapKey : undefined],
    ['type of values', field.fieldKind === 'map' ? field.scalar : undefined],
    ['oneof', field.oneof?.name],
    ['default', field.proto.defaultValue],
  ]);
}

/** Values are neither added nor removed: one side would not know them. */
function enumReason(newer: DescEnum, older: DescEnum): string | null {
  return missingValue(newer, older) ?? missingValue(older, newer);
}

function missingValue(from: DescEnum, within: DescEnum): string | null {
  const known = new Set(within.values.map(({ name, number }) => `${name}=${number}`));
  const missing = from.values.find(({ name, number }) => !known.has(`${name}=${number}`));
  if (missing === undefined) return null;
  const scope = from.typeName.slice(0, from.typeName.length - from.name.length);
  return `${scope}${missing.name} = ${missing.number} is missing in ${within.typeName}.`;
}
