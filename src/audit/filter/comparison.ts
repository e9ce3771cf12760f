import type { AuditValue } from '../audit-entry.ts';
import type { Comparator } from './filter-lexer.ts';
import { compilePattern } from './pattern.ts';
import { timeOf } from './time-text.ts';

/** Whether one value of a field passes. Never called for a field that is absent. */
export type Test = (value: AuditValue) => boolean;

/** A comparison that cannot be: because of its field, or of its value. */
export interface BadComparison {
  readonly problem: string;
  readonly isField: boolean;
}

/** The fields of a LogEntry; another one is an error rather than never there. */
const fields: ReadonlySet<string> = new Set([
  'errorGroups',
  'httpRequest',
  'insertId',
  'jsonPayload',
  'labels',
  'logName',
  'metadata',
  'operation',
  'protoPayload',
  'receiveTimestamp',
  'resource',
  'severity',
  'sourceLocation',
  'spanId',
  'split',
  'textPayload',
  'timestamp',
  'trace',
  'traceSampled',
]);

/** google.logging.type.LogSeverity. */
const severities: Readonly<Record<string, number>> = {
  DEFAULT: 0,
  DEBUG: 100,
  INFO: 200,
  NOTICE: 300,
  WARNING: 400,
  ERROR: 500,
  CRITICAL: 600,
  ALERT: 700,
  EMERGENCY: 800,
};

/** How a field's values are ordered: a text as itself, times and severities as numbers. */
type Scale = (value: string) => number | null;

/** The test of a comparison; `value` null stands for `*`, which every value passes. */
export function comparisonOf(
  path: readonly string[],
  comparator: Comparator,
  value: string | null,
): { readonly test: Test } | BadComparison {
  const field = fieldOf(path[0]!);
  if (field === null) return { problem: `field not found: '${path[0]}'`, isField: true };
  if (value === null) return { test: () => comparator !== '!=' && comparator !== '!~' };
  if (comparator === '=~' || comparator === '!~') return patternTest(value, comparator === '=~');
  const scale = path.length === 1 ? scaleOf(field) : undefined;
  if (scale === undefined) return { test: textOrNumberTest(comparator, value) };
  const wanted = scale(value);
  if (wanted === null) return { problem: `invalid ${field} value '${value}'`, isField: false };
  return { test: scaledTest(comparator, wanted, scale) };
}

/** The JSON name of a field of LogEntry, in whichever spelling it was written. */
export function fieldOf(name: string): string | null {
  const camel = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return fields.has(camel) ? camel : null;
}

function scaleOf(field: string): Scale | undefined {
  if (field === 'timestamp' || field === 'receiveTimestamp') return timeOf;
  return field === 'severity' ? severityOf : undefined;
}

function severityOf(value: string): number | null {
  return severities[value.toUpperCase()] ?? (/^\d+$/.test(value) ? Number(value) : null);
}

function scaledTest(comparator: Comparator, wanted: number, scale: Scale): Test {
  return (value) => {
    const found = typeof value === 'string' ? scale(value) : null;
    return found !== null && isOrdered(comparator, found - wanted);
  };
}

/** Numbers and truth values are compared as such; texts whatever their case. */
function textOrNumberTest(comparator: Comparator, wanted: string): Test {
  const [lower, number] = [wanted.toLowerCase(), Number(wanted)];
  return (value) => {
    if (typeof value === 'number') return isOrdered(comparator, value - number);
    if (value === null || typeof value === 'object') return false;
    const text = String(value).toLowerCase();
    if (comparator === ':') return text.includes(lower);
    return isOrdered(comparator, text === lower ? 0 : text < lower ? -1 : 1);
  };
}

function isOrdered(comparator: Comparator, difference: number): boolean {
  switch (comparator) {
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '<=':
      return difference <= 0;
    case '>':
      return difference > 0;
    case '>=':
      return difference >= 0;
    default:
      return difference === 0;
  }
}

function patternTest(pattern: string, isWanted: boolean): { test: Test } | BadComparison {
  const matches = compilePattern(pattern);
  if (typeof matches === 'string')
    return { problem: `invalid pattern: ${matches}`, isField: false };
  return { test: (value) => typeof value !== 'object' && matches(String(value)) === isWanted };
}
