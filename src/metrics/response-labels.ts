import { responseClass, statusTable, type StatusCode } from '../rpc/index.ts';
import { labelText, type Page } from './page/exposition.ts';

export type ResponseLabel = 'response_class' | 'response_code';

export const responseLabelNames: readonly ResponseLabel[] = ['response_class', 'response_code'];

/** Cloud Monitoring's words for a status code: OK is `success`, the others in lower case. */
export function responseLabels(code: StatusCode): Record<ResponseLabel, string> {
  return { response_class: responseClass(code), response_code: responseCode(code) };
}

export function responseCode(code: StatusCode): string {
  return code === 'OK' ? 'success' : code.toLowerCase();
}

const codes = Object.keys(statusTable) as StatusCode[];
export const codeCount: number = codes.length;

/** The code at a column; columns are the codes' gRPC numbers. */
export function codeAt(column: number): StatusCode {
  return codes[column] ?? 'UNKNOWN';
}

export function columnOf(code: StatusCode): number {
  return statusTable[code].number;
}

/** Refusals that any made-up name gets: they do not prove that the resource exists. */
const provesNothing: ReadonlySet<StatusCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
]);

export function provesExistence(code: StatusCode): boolean {
  return !provesNothing.has(code);
}

const codeLabels = codes.map((code) => labelText({ response_code: responseCode(code) }));
const bothLabels = codes.map((code) => labelText(responseLabels(code)));

/** Requests by response code. */
export class CodeCounts {
  readonly #counts: Float64Array = new Float64Array(codeCount);

  add(code: StatusCode): void {
    const column = columnOf(code);
    this.#counts[column] = (this.#counts[column] ?? 0) + 1;
  }

  /** A sample for each code that was seen, class and code in the labels. */
  write(page: Page, name: string, labels: string): void {
    for (const [column, count] of this.#counts.entries()) {
      if (count > 0) page.sample(name, `${labels},${bothLabels[column] ?? ''}`, count);
    }
  }

  /** The same with the code alone. */
  writeCodes(page: Page, name: string, labels: string): void {
    for (const [column, count] of this.#counts.entries()) {
      if (count > 0) page.sample(name, `${labels},${codeLabels[column] ?? ''}`, count);
    }
  }
}
