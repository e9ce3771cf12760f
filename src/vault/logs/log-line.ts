import type { LogSeverity, ServiceLogEntry } from './service-logs.ts';

/** Of what a line says of itself; the rest is cut off. */
const textMax: number = 64 * 1024;
/** Objects in objects: as many as anybody reads; each goes a call deeper in whoever writes them. */
const depthMax = 100;
/** A line may say that it is so much older than it came here. */
const delayMsMax = 60_000;

/** Cloud Logging's names, and others that are common. */
const severities: ReadonlyMap<string, LogSeverity> = new Map([
  ...(['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT'] as const).map(
    (severity): [string, LogSeverity] => [severity, severity],
  ),
  ['EMERGENCY', 'EMERGENCY'],
  ['TRACE', 'DEBUG'],
  ['WARN', 'WARNING'],
  ['ERR', 'ERROR'],
  ['FATAL', 'CRITICAL'],
]);

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/**
 * A container's line as Cloud Run takes it: of a JSON object the fields, of which `severity` and
 * `time` go to the entry if they are usable; one with nothing but `message` left is that text.
 */
export function structuredEntry(entry: ServiceLogEntry): ServiceLogEntry {
  if (entry.log !== 'stdout' && entry.log !== 'stderr') return cut(entry);
  const json = entry.json ?? objectOf(entry.text ?? '');
  if (json === null) return cut(entry);
  const { text: _text, json: _json, ...rest } = entry;
  const severity = severityOf(json['severity']);
  const timeMs = timeOf(json['time'], entry.timeMs);
  const fields = Object.fromEntries(
    Object.entries(json).filter(
      ([name]) =>
        !(name === 'severity' && severity !== null) && !(name === 'time' && timeMs !== null),
    ),
  );
  const isText = Object.keys(fields).length === 1 && typeof fields['message'] === 'string';
  return cut({
    ...rest,
    severity: severity ?? entry.severity,
    timeMs: timeMs ?? entry.timeMs,
    ...(isText ? { text: String(fields['message']) } : { json: fields }),
  });
}

function cut(entry: ServiceLogEntry): ServiceLogEntry {
  const { text, json, ...rest } = entry;
  if (text !== undefined && text.length > textMax) return { ...rest, text: cutText(text) };
  if (json === undefined) return entry;
  const spelled = JSON.stringify(json);
  return spelled.length > textMax ? { ...rest, text: cutText(spelled) } : entry;
}

/** Never between the halves of a character. */
function cutText(text: string): string {
  return `${text.slice(0, textMax).toWellFormed()}…`;
}

function objectOf(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith('{') || line.length > textMax) return null;
  try {
    const json = JSON.parse(line) as Record<string, unknown>;
    return isShallow(json, depthMax) ? json : null;
  } catch {
    return null;
  }
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isShallow(each, depth - 1));
}

function severityOf(named: unknown): LogSeverity | null {
  return typeof named === 'string' ? (severities.get(named.toUpperCase()) ?? null) : null;
}

/** RFC 3339, not after the line came and not long before it; null: as good as none. */
function timeOf(named: unknown, cameMs: number): number | null {
  if (typeof named !== 'string' || !timePattern.test(named)) return null;
  const ms = Date.parse(named);
  return ms <= cameMs && ms >= cameMs - delayMsMax ? ms : null;
}
