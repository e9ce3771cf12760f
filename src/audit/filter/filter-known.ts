import { fieldOf } from './comparison.ts';
import { type EntryJson, matches } from './filter-match.ts';
import type { Comparison, Filter } from './filter-parser.ts';

/**
 * Whether an entry that has at least what `known` has may pass: false only for what can never.
 * A field of `known` is whole, or absent; its members that are absent may be there.
 */
export function mayMatch(filter: Filter, known: EntryJson): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.of.every((each) => mayMatch(each, known));
    case 'or':
      return filter.of.some((each) => mayMatch(each, known));
    case 'compare':
      return !isKnown(filter, known) || matches(filter, known);
    default:
      return true;
  }
}

/** What a field must be, in lower case, for an entry to pass; undefined if that is not said. */
export function equalTo(filter: Filter, path: readonly string[]): string | undefined {
  if (filter.kind === 'and') {
    const values = filter.of.map((each) => equalTo(each, path));
    return values.find((value) => value !== undefined);
  }
  if (filter.kind !== 'compare' || filter.comparator !== '=' || filter.isAny) return undefined;
  const isField = filter.path.length === path.length && isSame(filter.path, path);
  return isField ? filter.value.toLowerCase() : undefined;
}

function isSame([first, ...rest]: readonly string[], path: readonly string[]): boolean {
  return fieldOf(first!) === path[0] && rest.every((name, index) => name === path[index + 1]);
}

/** Whether the comparison is of a text that `known` has. */
function isKnown({ path: [first, ...rest] }: Comparison, known: EntryJson): boolean {
  let value = known[fieldOf(first!) ?? ''];
  for (const name of rest) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    value = isObject ? (value as EntryJson)[name] : undefined;
  }
  return typeof value === 'string';
}
