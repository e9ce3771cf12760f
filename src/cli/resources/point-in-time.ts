import { usageError } from '../command/command-error.ts';
import { durationMs } from '../command/flags.ts';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/**
 * The time that an option names, as the API reads it: RFC 3339 as it is, or a duration before or
 * after `nowMs`. Throws a usage error if it is neither.
 */
export function pointInTime(
  option: string,
  text: string,
  nowMs: number,
  side: 'ago' | 'from now',
): string {
  if (rfc3339.test(text) && !Number.isNaN(Date.parse(text))) return text;
  const ms = durationMs(text);
  if (ms !== undefined) return new Date(nowMs + (side === 'ago' ? -ms : ms)).toISOString();
  throw usageError(
    `--${option} must be a time such as 2026-01-31T12:00:00Z, or a duration ${side} such as 2h, not "${text}".`,
  );
}
