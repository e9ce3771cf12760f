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
    const ranks = Float64Array.from(reports, (report) => this.#rankOf(report));
    // Numbers alone are sorted many times faster than what they belong to.
    const cut = ranks.toSorted()[ranks.length - this.#max] ?? 0;
    let room = this.#max - ranks.reduce((above, rank) => above + (rank > cut ? 1 : 0), 0);
    const shown: Report[] = [];
    const rest: Report[] = [];
    for (const [index, report] of reports.entries()) {
      const rank = ranks[index] ?? 0;
      const isShown = rank > cut || (rank === cut && room-- > 0);
      (isShown ? shown : rest).push(report);
    }
    return this.#keep({ shown, rest });
  }

  #rankOf(report: Report): number {
    const lead = this.#members.has(this.#nameOf(report)) ? 2 : 0;
    // NaN, which the disk could not tell, is nothing.
    return lead + Math.log2(1 + (this.#amountOf(report) || 0));
  }

  #keep(selection: Selection<Report>): Selection<Report> {
    this.#members = new Set(selection.shown.map(this.#nameOf));
    return selection;
  }
}
