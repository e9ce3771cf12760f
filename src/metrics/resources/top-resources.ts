/** What is shown of many resources: some of their own, the others together. */
export interface Selection<Report> {
  readonly shown: readonly Report[];
  readonly rest: readonly Report[];
}

/**
 * Chooses the resources whose gauges are shown: those with the most of something. One that is
 * shown stays so until another has at least four times as much, so that series do not come and go
 * with every scrape.
 */
export class TopResources<Report> {
  readonly #max: number;
  readonly #nameOf: (report: Report) => string;
  readonly #amountOf: (report: Report) => number;
  #members: ReadonlySet<string> = new Set();

  constructor(
    max: number,
    nameOf: (report: Report) => string,
    amountOf: (report: Report) => number,
  ) {
    this.#max = max;
    this.#nameOf = nameOf;
    this.#amountOf = amountOf;
  }

  select(reports: readonly Report[]): Selection<Report> {
    if (reports.length <= this.#max) return this.#keep({ shown: reports, rest: [] });
    const ranked = reports
      .map((report) => ({ report, rank: this.#rankOf(report) }))
      .toSorted((a, b) => b.rank - a.rank)
      .map(({ report }) => report);
    return this.#keep({ shown: ranked.slice(0, this.#max), rest: ranked.slice(this.#max) });
  }

  #rankOf(report: Report): number {
    const lead = this.#members.has(this.#nameOf(report)) ? 2 : 0;
    return lead + Math.log2(1 + this.#amountOf(report));
  }

  #keep(selection: Selection<Report>): Selection<Report> {
    this.#members = new Set(selection.shown.map(this.#nameOf));
    return selection;
  }
}
