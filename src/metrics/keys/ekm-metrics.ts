import { Counter, Histogram, type Registry } from 'prom-client';
import type { EkmCall, EkmObserver, QuotaObserver } from '../../kms/index.ts';

/** Calls of external key managers, and the quotas of keys that cost somebody something. */
export class EkmMetrics implements EkmObserver, QuotaObserver {
  readonly #requests: Counter<'operation' | 'outcome'>;
  readonly #seconds: Histogram<'operation'>;
  readonly #quota: Counter<'quota_metric' | 'outcome'>;

  constructor(registry: Registry) {
    this.#requests = new Counter({
      name: 'sealpost_ekm_requests_total',
      help: 'Calls of external key managers, by outcome: OK, or the error domain of Cloud EKM.',
      labelNames: ['operation', 'outcome'],
      registers: [registry],
    });
    this.#seconds = new Histogram({
      name: 'sealpost_ekm_seconds',
      help: 'Calls of external key managers, seconds each, from connecting to the last byte.',
      labelNames: ['operation'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
      registers: [registry],
    });
    this.#quota = new Counter({
      name: 'sealpost_kms_quota_requests_total',
      help: 'Uses of HSM and EXTERNAL keys that their quotas counted, granted or refused.',
      labelNames: ['quota_metric', 'outcome'],
      registers: [registry],
    });
  }

  ekmCall({ operation, outcome, ms }: EkmCall): void {
    this.#requests.inc({ operation, outcome });
    this.#seconds.observe({ operation }, ms / 1000);
  }

  quotaUse(metric: string, isGranted: boolean): void {
    this.#quota.inc({ quota_metric: metric, outcome: isGranted ? 'granted' : 'refused' });
  }
}
