import { median } from '../measurement.ts';

/** One thing that is measured at every point of a curve. */
export interface Series {
  readonly name: string;
  readonly unit: 'messages/s' | 'MB/s' | 'ms' | 's' | 'MiB';
}

export interface Point {
  /** Where it stands on the axis: a count, or bytes. */
  readonly x: number;
  readonly label: string;
  /** One number for each repetition, by the name of the series. */
  readonly values: Readonly<Record<string, readonly number[]>>;
}

/** How a cost moves while one thing grows. */
export interface Curve {
  readonly name: string;
  /** What grows. */
  readonly axis: string;
  readonly series: readonly Series[];
  readonly points: readonly Point[];
}

/** The median of a series at a point; NaN if it was not measured. */
export function valueAt(point: Point, series: Series): number {
  const values = point.values[series.name] ?? [];
  return values.length === 0 ? Number.NaN : median(values);
}

/** The worst point in parts of the first: 1 is flat; 2 twice as dear, or half as fast. */
export function slope(curve: Curve, series: Series): number {
  const [first, ...rest] = curve.points.map((point) => valueAt(point, series));
  if (first === undefined) return Number.NaN;
  const isRate = series.unit === 'messages/s' || series.unit === 'MB/s';
  return rest.reduce((worst, value) => Math.max(worst, isRate ? first / value : value / first), 1);
}

/** A table of the medians, and what the worst point costs. */
export function curveTable(curve: Curve): string {
  const head = [curve.axis, ...curve.series.map(({ name, unit }) => `${name} (${unit})`)];
  const rows = curve.points.map((point) => [
    point.label,
    ...curve.series.map((series) => shown(valueAt(point, series))),
  ]);
  const last = ['worst / first', ...curve.series.map((series) => shown(slope(curve, series)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = line(['---', ...curve.series.map(() => '---:')]);
  return [`## ${curve.name}`, '', line(head), rule, ...rows.map(line), line(last), ''].join('\n');
}

function shown(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
