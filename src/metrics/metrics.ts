import { collectDefaultMetrics, Registry } from 'prom-client';
import type { StatusCode } from '../rpc/index.ts';
import { BrokerMetrics } from './broker-metrics.ts';
import { CallMetrics } from './call-metrics.ts';
import { DekMetrics } from './dek-metrics.ts';
import { registerGauges, type MetricsSource } from './gauges.ts';
import { KmsMetrics } from './kms-metrics.ts';

/** The metrics of one server: observers that others report to, and the page that shows them. */
export interface Metrics {
  readonly broker: BrokerMetrics;
  readonly dek: DekMetrics;
  readonly kms: KmsMetrics;
  /** For `api`: one call of `rpc`, its full name, was answered. */
  readonly call: (rpc: string, code: StatusCode, ms: number) => void;
  readonly contentType: string;
  /** Everything in Prometheus' text format, gauges as of now. */
  text(): Promise<string>;
}

/** Each server has a registry of its own: several may live in one process. */
export function createMetrics(source: MetricsSource): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const broker = new BrokerMetrics(registry);
  const dek = new DekMetrics(registry);
  const kms = new KmsMetrics(registry);
  const calls = new CallMetrics(registry, {
    prefix: 'sealpost_rpc',
    what: 'Calls of every API that were answered',
    label: 'rpc',
  });
  const prepare = registerGauges(registry, source);
  return {
    broker,
    dek,
    kms,
    call: (rpc, code, ms) => calls.record(rpc, code, ms),
    contentType: registry.contentType,
    async text(): Promise<string> {
      await prepare();
      return await registry.metrics();
    },
  };
}
