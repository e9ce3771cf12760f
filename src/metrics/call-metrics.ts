import { Counter, Histogram, type Registry } from 'prom-client';
import type { StatusCode } from '../rpc/index.ts';
import { responseLabelNames, responseLabels, type ResponseLabel } from './response-labels.ts';

interface CallOptions<Label extends string> {
  /** `sealpost_rpc` makes `sealpost_rpc_requests_total` and `sealpost_rpc_seconds`. */
  readonly prefix: string;
  readonly what: string;
  /** Says which call it was; its values are a closed list of our own. */
  readonly label: Label;
}

/** From a call inside the process to a remote one that times out. */
const callSeconds = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** Calls of one kind, counted by outcome and timed. */
export class CallMetrics<Label extends string> {
  readonly #label: Label;
  readonly #requests: Counter<Label | ResponseLabel>;
  readonly #seconds: Histogram<Label>;

  constructor(registry: Registry, { prefix, what, label }: CallOptions<Label>) {
    this.#label = label;
    this.#requests = new Counter({
      name: `${prefix}_requests_total`,
      help: `${what}, by outcome.`,
      labelNames: [label, ...responseLabelNames],
      registers: [registry],
    });
    this.#seconds = new Histogram({
      name: `${prefix}_seconds`,
      help: `${what}, seconds each.`,
      labelNames: [label],
      buckets: callSeconds,
      registers: [registry],
    });
  }

  record(name: string, code: StatusCode, ms: number): void {
    const which = { [this.#label]: name } as Record<Label, string>;
    this.#requests.inc({ ...which, ...responseLabels(code) });
    this.#seconds.observe(which, ms / 1000);
  }
}
