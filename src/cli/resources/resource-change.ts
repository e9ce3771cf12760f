import { usageError } from '../command/command-error.ts';
import type { Call } from '../command/command-spec.ts';

/** How one option, and the one that takes it back, become a field of the API's JSON. */
export interface FieldRule {
  /** `messageRetentionDuration`. */
  readonly field: string;
  /** `message_retention_duration`, as masks name it. */
  readonly path: string;
  readonly option: string;
  /** The switch that clears the field, where there is one. */
  readonly clearedBy?: string;
  /** The field's value, of an option that was given. */
  value(call: Call, option: string): unknown;
}

/** Fields that the options set, for a create. */
export function newFields(call: Call, rules: readonly FieldRule[]): Record<string, unknown> {
  const given = rules.filter(({ option }) => call.flags.isSet(option));
  return Object.fromEntries(given.map((rule) => [rule.field, rule.value(call, rule.option)]));
}

/** Fields and mask of an update, `more` among them. Throws a usage error if nothing, or both ways, is asked for. */
export function changedFields(
  call: Call,
  rules: readonly FieldRule[],
  more: { readonly fields: object; readonly paths: readonly string[] } = { fields: {}, paths: [] },
): { readonly fields: Record<string, unknown>; readonly updateMask: string } {
  const cleared = rules.filter(
    ({ clearedBy }) => clearedBy !== undefined && call.flags.isSet(clearedBy),
  );
  const both = cleared.find(({ option }) => call.flags.isSet(option));
  if (both !== undefined) {
    throw usageError(`--${both.option} and --${both.clearedBy!} contradict each other.`);
  }
  const set = rules.filter(({ option }) => call.flags.isSet(option));
  if (set.length + cleared.length + more.paths.length === 0) {
    const options = rules.map(({ option }) => `--${option}`).join(', ');
    throw usageError(`Nothing is to be changed: give one of ${options}.`);
  }
  return {
    fields: { ...newFields(call, rules), ...more.fields },
    updateMask: [...new Set([...[...set, ...cleared].map(({ path }) => path), ...more.paths])].join(
      ',',
    ),
  };
}

/** A duration option in the API's JSON: `600s`. */
export function durationField(call: Call, option: string): string {
  return `${call.flags.duration(option)! / 1000}s`;
}

export const labelsRule: FieldRule = {
  field: 'labels',
  path: 'labels',
  option: 'label',
  clearedBy: 'clear-labels',
  value: (call, option) => call.flags.pairs(option),
};

/** `team=kitchen,tier=1`, in the order of their names. */
export function labelText(labels: unknown): string {
  const entries = Object.entries((labels ?? {}) as Record<string, string>);
  return entries
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** `86400s` of the API as people say it: `1d`. */
export function durationText(duration: unknown): string {
  const seconds = typeof duration === 'string' ? Number.parseFloat(duration) : Number.NaN;
  if (Number.isNaN(seconds)) return '';
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
