import { Counter, type Registry } from 'prom-client';
import { statusTable, type StatusCode } from '../rpc/index.ts';
import { responseLabelNames, responseLabels, type ResponseLabel } from './response-labels.ts';
import { ResourceRows } from './resource-rows.ts';

interface CounterOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly labelsOf: (resource: string) => Record<Label, string>;
}

const codes = Object.keys(statusTable) as StatusCode[];

/** Refusals that any made-up name gets: they do not prove that the resource exists. */
const provesNothing: ReadonlySet<StatusCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
]);

/** Requests per resource and response code: `response_code` in lower case, and its class. */
export class RequestCounter<Label extends string> {
  readonly #rows = new ResourceRows(codes.length);

  constructor(registry: Registry, options: CounterOptions<Label>) {
    const rows = this.#rows;
    const counter = new Counter<Label | ResponseLabel>({
      name: options.name,
      help: options.help,
      labelNames: [...options.labelNames, ...responseLabelNames],
      registers: [registry],
      collect(): void {
        this.reset();
        for (const { resource, column, value } of rows.entries()) {
          const labels = {
            ...options.labelsOf(resource),
            ...responseLabels(codes[column] ?? 'OK'),
          };
          counter.inc(labels, value);
        }
      },
    });
  }

  count(resource: string, code: StatusCode): void {
    this.#rows.add(resource, statusTable[code].number, 1, !provesNothing.has(code));
  }

  forget(resource: string): void {
    this.#rows.forget(resource);
  }
}

/** A sum per resource, of things that only happen to resources that exist. */
export class ResourceCounter<Label extends string> {
  readonly #rows = new ResourceRows(1);

  constructor(registry: Registry, options: CounterOptions<Label>) {
    const rows = this.#rows;
    const counter = new Counter<Label>({
      name: options.name,
      help: options.help,
      labelNames: [...options.labelNames],
      registers: [registry],
      collect(): void {
        this.reset();
        for (const { resource, value } of rows.entries()) {
          counter.inc(options.labelsOf(resource), value);
        }
      },
    });
  }

  add(resource: string, amount: number): void {
    this.#rows.add(resource, 0, amount, true);
  }

  forget(resource: string): void {
    this.#rows.forget(resource);
  }
}
