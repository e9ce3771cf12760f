import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DekObserver, EvictionCause } from '../../envelope/index.ts';
import type { StatusCode } from '../../rpc/index.ts';
import { CallMetrics } from '../call-metrics.ts';

/** The life of the DEKs: what they ask of the key service, how many are in memory, why they go. */
export class DekMetrics implements DekObserver {
  readonly #calls: CallMetrics<'operation'>;
  readonly #unwrapSeconds: Histogram;
  readonly #cached: Gauge;
  readonly #evictions: Counter<'cause'>;

  constructor(registry: Registry) {
    this.#calls = new CallMetrics(registry, {
      prefix: 'sealpost_dek_kms',
      what: 'Calls of the key service to wrap and unwrap DEKs',
      label: 'operation',
    });
    this.#unwrapSeconds = new Histogram({
      name: 'sealpost_dek_unwrap_seconds',
      help: 'From a wrapped DEK to a checked one in memory.',
      buckets: [0.0002, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers: [registry],
    });
    this.#cached = new Gauge({
      name: 'sealpost_dek_cached',
      help: 'Unwrapped DEKs in memory now.',
      registers: [registry],
    });
    this.#evictions = new Counter({
      name: 'sealpost_dek_evictions_total',
      help: 'Unwrapped DEKs that left memory, by cause.',
      labelNames: ['cause'],
      registers: [registry],
    });
  }

  kmsCall(operation: 'encrypt' | 'decrypt', outcome: StatusCode, elapsedMs: number): void {
    this.#calls.record(operation, outcome, elapsedMs);
  }

  unwrapped(elapsedMs: number): void {
    this.#unwrapSeconds.observe(elapsedMs / 1000);
  }

  cachedCount(count: number): void {
    this.#cached.set(count);
  }

  evicted(cause: EvictionCause): void {
    this.#evictions.inc({ cause });
  }
}
