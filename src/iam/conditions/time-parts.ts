const dayMs = 86_400_000;
/** Formatters are dear to make; policies name few zones. */
const zonesMax = 100;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** CEL's parts of a time: months and days of months and years count from 0, `getDate` from 1. */
export const timeParts: Readonly<Record<string, (local: Date) => number>> = {
  getDate: (local) => local.getUTCDate(),
  getDayOfMonth: (local) => local.getUTCDate() - 1,
  getDayOfWeek: (local) => local.getUTCDay(),
  getDayOfYear: (local) =>
    Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / dayMs),
  getFullYear: (local) => local.getUTCFullYear(),
  getHours: (local) => local.getUTCHours(),
  getMilliseconds: (local) => local.getUTCMilliseconds(),
  getMinutes: (local) => local.getUTCMinutes(),
  getMonth: (local) => local.getUTCMonth(),
  getSeconds: (local) => local.getUTCSeconds(),
};

/** A date whose UTC parts are those of the clocks in `zone`, whatever the zone of this machine. */
export function localDate(timeMs: number, zone: string | undefined): Date {
  if (zone === undefined) return new Date(timeMs);
  const parts = new Map(
    formatterOf(zone)
      .formatToParts(timeMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const [year, month, day] = [parts.get('year')!, parts.get('month')!, parts.get('day')!];
  const [hour, minute, second] = [parts.get('hour')!, parts.get('minute')!, parts.get('second')!];
  const ms = ((timeMs % 1_000) + 1_000) % 1_000;
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  if (formatters.size >= zonesMax) formatters.clear();
  const numeric = 'numeric';
  const made = new Intl.DateTimeFormat('en-US', {
    hourCycle: 'h23',
    timeZone,
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
  formatters.set(timeZone, made);
  return made;
}
