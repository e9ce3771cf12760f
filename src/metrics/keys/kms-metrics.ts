import type { Registry } from 'prom-client';
import type { KmsCall, KmsObserver } from '../../kms/index.ts';
import { CallMetrics } from '../call-metrics.ts';

/** What the embedded key service was asked, by whomever, and what it answered. */
export class KmsMetrics implements KmsObserver {
  readonly #calls: CallMetrics<'operation'>;

  constructor(registry: Registry) {
    this.#calls = new CallMetrics(registry, {
      prefix: 'sealpost_kms',
      what: 'Calls that the embedded key service answered',
      label: 'operation',
    });
  }

  call({ operation, code, ms }: KmsCall): void {
    this.#calls.record(operation, code, ms);
  }
}
