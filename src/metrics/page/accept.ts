import type { Format } from './exposition.ts';

/** The format that a scraper's Accept header prefers; the plain one unless it asks for the other. */
export function formatFor(accept: string | undefined): Format {
  const wanted = (accept ?? '').split(',').map(parse);
  const openMetrics = best(wanted, ['application/openmetrics-text']);
  const text = best(wanted, ['text/plain', 'text/*', '*/*']);
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

interface Wanted {
  readonly type: string;
  readonly quality: number;
}

function parse(entry: string): Wanted {
  const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { type, quality: Number.isFinite(quality) ? quality : 0 };
}

function best(wanted: readonly Wanted[], types: readonly string[]): number {
  const qualities = wanted.filter(({ type }) => types.includes(type));
  return Math.max(0, ...qualities.map(({ quality }) => quality));
}
