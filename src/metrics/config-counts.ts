import type { ConfigOperation } from '../broker/index.ts';
import type { StatusCode } from '../rpc/index.ts';
import { labelText, type Page } from './page/exposition.ts';
import { codeAt, codeCount, columnOf, responseCode } from './response-labels.ts';

const operations: readonly ConfigOperation[] = ['create', 'update', 'delete'];

/** Changes of configuration, by operation and response code. */
export class ConfigCounts {
  readonly #counts: Float64Array = new Float64Array(operations.length * codeCount);

  add(operation: ConfigOperation, code: StatusCode): void {
    const index = operations.indexOf(operation) * codeCount + columnOf(code);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  write(page: Page, name: string, labels: string): void {
    for (const [index, count] of this.#counts.entries()) {
      if (count === 0) continue;
      const more = labelText({
        operation_type: operations[Math.floor(index / codeCount)],
        response_code: responseCode(codeAt(index % codeCount)),
      });
      page.sample(name, `${labels},${more}`, count);
    }
  }
}
