const timestampPattern =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const durationPattern = /^-?(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|m|s|ms))+$/;

/** Whether a text is an RFC 3339 timestamp, of a day that exists. */
export function isTimestamp(text: string): boolean {
  const [, year, month, day] = timestampPattern.exec(text) ?? [];
  if (day === undefined || Number.isNaN(Date.parse(text))) return false;
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return midnight.getUTCDate() === Number(day);
}

/** `90s`, `1h30m`: at most 64 characters. */
export function isDuration(text: string): boolean {
  return text.length <= 64 && durationPattern.test(text);
}

/** `Europe/Berlin`, `-08:00`, `UTC`. */
export function isTimeZone(text: string): boolean {
  if (text.length > 64) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
