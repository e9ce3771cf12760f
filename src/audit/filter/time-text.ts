const rfc3339 =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})?)?$/;

/**
 * A time as filters write it, RFC 3339 or only its day, in ms since the Unix epoch with a fraction;
 * null if it is none. Without a zone it is UTC.
 */
export function timeOf(text: string): number | null {
  const [, day, time = '00:00', fraction = '', zone = 'Z'] = rfc3339.exec(text) ?? [];
  if (day === undefined) return null;
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? null : ms + Number(`0${fraction}`) * 1_000;
}
