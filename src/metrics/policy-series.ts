import type { BrokerObserver } from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import { labelText, type Page } from './page/exposition.ts';
import { CodeCounts } from './response-labels.ts';

type Operation = Parameters<BrokerObserver['exactlyOnceWarning']>[1];
type Reason = Parameters<BrokerObserver['exactlyOnceWarning']>[2];

const operations: readonly Operation[] = ['ack', 'modack'];
const reasons: readonly Reason[] = ['expired', 'invalid', 'unordered', 'failed'];

/** What most subscriptions never count: filters, dead letters, seeks and exactly-once. */
export class PolicySeries {
  filteredCount = 0;
  readonly deadLetters: CodeCounts = new CodeCounts();
  readonly seeks: CodeCounts = new CodeCounts();
  readonly #warnings = new Float64Array(operations.length * reasons.length);

  deadLettered(code: StatusCode): void {
    this.deadLetters.add(code);
  }

  sought(code: StatusCode): void {
    this.seeks.add(code);
  }

  warn(operation: Operation, reason: Reason, count: number): void {
    const column = operations.indexOf(operation) * reasons.length + reasons.indexOf(reason);
    this.#warnings[column] = (this.#warnings[column] ?? 0) + count;
  }

  writeFiltered(page: Page, name: string, labels: string): void {
    if (this.filteredCount === 0) return;
    page.sample(name, `${labels},${labelText({ delivery_type: 'filter' })}`, this.filteredCount);
  }

  writeWarnings(page: Page, name: string, labels: string): void {
    for (const [column, count] of this.#warnings.entries()) {
      if (count === 0) continue;
      const more = labelText({
        operation_type: operations[Math.floor(column / reasons.length)],
        reason: reasons[column % reasons.length],
      });
      page.sample(name, `${labels},${more}`, count);
    }
  }
}
