import type { RevisionName } from '../services/service.ts';
import type { LogSeverity, ServiceLogEntry } from '../logs/service-logs.ts';

/** Cloud Logging's severities by the five that are kept apart here. */
const severities: Readonly<Record<string, LogSeverity>> = {
  DEFAULT: 'DEFAULT',
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  NOTICE: 'INFO',
  WARN: 'WARNING',
  WARNING: 'WARNING',
  ERROR: 'ERROR',
  CRITICAL: 'ERROR',
  ALERT: 'ERROR',
  EMERGENCY: 'ERROR',
};

export interface OutputLine {
  readonly revision: RevisionName;
  readonly instanceId: string;
  readonly timeMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** A line as a log entry: of a JSON object its fields, with `severity` taken out of them. */
export function outputEntry({ stream, line, ...rest }: OutputLine): ServiceLogEntry {
  const json = objectOf(line);
  if (json === null) return { log: stream, severity: 'DEFAULT', text: line, ...rest };
  const { severity: named, ...fields } = json;
  const known = typeof named === 'string' ? severities[named.toUpperCase()] : undefined;
  const isTaken = named === undefined || known !== undefined;
  return { log: stream, severity: known ?? 'DEFAULT', json: isTaken ? fields : json, ...rest };
}

function objectOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{') || !line.trimEnd().endsWith('}')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
