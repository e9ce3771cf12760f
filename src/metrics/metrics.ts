import { collectDefaultMetrics, Registry } from 'prom-client';
import { BrokerMetrics } from './broker-metrics.ts';
import { registerGauges, type MetricsSource } from './gauges.ts';
import { KmsMetrics } from './kms-metrics.ts';

/** The metrics of one server: observers that others report to, and the page that shows them. */
export interface Metrics {
  readonly broker: BrokerMetrics;
  readonly kms: KmsMetrics;
  readonly contentType: string;
  /** Everything in Prometheus' text format, gauges as of now. */
  text(): Promise<string>;
}

/** Each server has a registry of its own: several may live in one process. */
export function createMetrics(source: MetricsSource): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const broker = new BrokerMetrics(registry);
  const kms = new KmsMetrics(registry);
  const prepare = registerGauges(registry, source);
  return {
    broker,
    kms,
    contentType: registry.contentType,
    text(): Promise<string> {
      prepare();
      return registry.metrics();
    },
  };
}
