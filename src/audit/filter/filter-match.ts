import type { AuditValue } from '../audit-entry.ts';
import { fieldOf } from './comparison.ts';
import type { Comparison, Filter } from './filter-parser.ts';

/** A LogEntry in its JSON form. */
export type EntryJson = { readonly [name: string]: AuditValue };

/** Whether an entry passes. A field that is absent fails every comparison, `!=` too. */
export function matches(filter: Filter, entry: EntryJson): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((each) => matches(each, entry));
    case 'or':
      return filter.of.some((each) => matches(each, entry));
    case 'not':
      return !matches(filter.of, entry);
    case 'search':
      return holds(entry, filter.text.toLowerCase());
    default:
      return passes(filter, entry);
  }
}

function passes({ path, comparator, value, isAny, test }: Comparison, entry: EntryJson): boolean {
  const [first, ...rest] = path;
  const found = valuesAt(entry[fieldOf(first!) ?? ''], rest);
  if (isAny) return found.length > 0 && test(null);
  // An object `has` one of its members: `resource.labels:key_ring_id`.
  if (comparator === ':') return found.some((each) => test(each) || hasMember(each, value));
  return found.some(test);
}

/** Every value at a path; a list stands for its items. */
function valuesAt(value: AuditValue | undefined, path: readonly string[]): AuditValue[] {
  if (value === undefined) return [];
  if (isList(value)) return value.flatMap((item) => valuesAt(item, path));
  const [first, ...rest] = path;
  if (first === undefined) return [value];
  return isObject(value) ? valuesAt(member(value, first), rest) : [];
}

/** As it is spelled; else in lowerCamelCase, in which JSON has the fields of messages. */
function member(object: EntryJson, name: string): AuditValue | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(object, camel) ? object[camel] : undefined;
}

function hasMember(value: AuditValue, name: string): boolean {
  return isObject(value) && Object.hasOwn(value, name);
}

function holds(value: AuditValue, lower: string): boolean {
  if (isList(value)) return value.some((item) => holds(item, lower));
  if (isObject(value)) return Object.values(value).some((item) => holds(item, lower));
  return value !== null && String(value).toLowerCase().includes(lower);
}

function isList(value: AuditValue): value is readonly AuditValue[] {
  return Array.isArray(value);
}

function isObject(value: AuditValue): value is EntryJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
