import type { Family, FamilyType, Page } from './exposition.ts';

/** One metric of every topic, or of every subscription. */
export interface RowFamily<Row> {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** Writes one resource's samples under `name`. */
  readonly write: (row: Row, page: Page, name: string) => void;
}

/** Where one resource stands, under the labels that it is shown with. */
export interface ReportRow<Report> {
  readonly labels: string;
  readonly report: Report;
}

/** A gauge that shows one number of each report. */
export function reportGauge<Report>(
  name: string,
  help: string,
  valueOf: (report: Report) => number,
): RowFamily<ReportRow<Report>> {
  return {
    name,
    help,
    type: 'gauge',
    write: ({ report, labels }, page, full) => page.sample(full, labels, valueOf(report)),
  };
}

/** As families of a page, over the rows that there are when each is written. */
export function familiesOf<Row>(
  specs: readonly RowFamily<Row>[],
  rows: () => Iterable<Row>,
): Family[] {
  return specs.map(({ name, help, type, write }) => ({
    name,
    help,
    type,
    *write(page: Page): Iterable<void> {
      for (const row of rows()) {
        write(row, page, name);
        yield;
      }
    },
  }));
}
