/** One query of a panel: PromQL, and how its series are named in the legend. */
export type Query = readonly [expr: string, legend?: string];

export type Unit =
  | 'reqps'
  | 'cps'
  | 'Bps'
  | 'bytes'
  | 'short'
  | 'none'
  | 's'
  | 'ms'
  | 'µs'
  | 'percentunit'
  | 'dateTimeFromNow'
  | 'bool_yes_no';

/** A value from which on a panel shows a colour. */
export type Threshold = readonly [from: number, color: 'green' | 'yellow' | 'orange' | 'red'];

export interface Panel {
  readonly title: string;
  /** What is seen, and what to do about it, in a sentence or two. */
  readonly description: string;
  /** `timeseries` unless named. A table's columns are its queries. */
  readonly kind?: 'timeseries' | 'stat' | 'table';
  readonly unit: Unit;
  readonly queries: readonly Query[];
  readonly thresholds?: readonly Threshold[];
  /** Of 24 columns; 8 unless named. */
  readonly width?: 4 | 6 | 8 | 12 | 24;
  /** Series stand on each other. */
  readonly isStacked?: true;
  /** Columns of a table, in the order of its queries; labels come first. */
  readonly columns?: readonly (readonly [name: string, unit: Unit])[];
}

/** Panels under one heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A choice at the top of a dashboard. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  /** Values are those of `label` in this metric. */
  readonly query: string;
}

export interface Dashboard {
  /** Part of the URL, and never changed. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
}

/** 50th, 95th and 99th percentile of a histogram, by the labels that its selector leaves. */
export function percentiles(histogram: string, selector: string = ''): Query[] {
  const rate = `sum by (le) (rate(${histogram}_bucket${selector}[$__rate_interval]))`;
  return [0.5, 0.95, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, ${rate})`,
    `p${quantile * 100}`,
  ]);
}

/** `sum by (LABELS) (rate(METRIC))`. */
export function rateBy(labels: string, metric: string): string {
  return `sum by (${labels}) (rate(${metric}[$__rate_interval]))`;
}

export function rateOf(metric: string): string {
  return `sum(rate(${metric}[$__rate_interval]))`;
}
