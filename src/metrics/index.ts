/**
 * metrics: what broker, keys, APIs and process report, in Prometheus' text format or OpenMetrics.
 *
 * The only folder that imports prom-client. Cloud Monitoring's names where it has them
 * (`pubsub_topic_send_request_count`), `sealpost_` for the rest; docs/metrics.md lists all. The
 * number of series is bounded whatever names clients make up.
 */
export { Metrics, type MetricsSource } from './metrics.ts';
export type { VaultReport } from './vault/vault-gauges.ts';
