import { Counter, Histogram, type Registry } from 'prom-client';
import type { AuditKind, AuditObserver } from '../audit/index.ts';

/** What the audit log wrote, how long that took, and what it could not write. */
export class AuditMetrics implements AuditObserver {
  readonly #entries: Counter<'kind'>;
  readonly #bytes: Counter<'kind'>;
  readonly #failures: Counter<'kind'>;
  readonly #seconds: Histogram;
  readonly #anchorFailures: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Counter<'kind'> =>
      new Counter({ name, help, labelNames: ['kind'], registers: [registry] });
    this.#entries = counter('sealpost_audit_entries_total', 'Audit entries that are durable.');
    this.#bytes = counter('sealpost_audit_bytes_total', 'Bytes of audit entries, sealed.');
    this.#failures = counter(
      'sealpost_audit_failures_total',
      'Audit entries that could not be written; their calls were refused.',
    );
    this.#seconds = new Histogram({
      name: 'sealpost_audit_commit_seconds',
      help: 'From the sealing of a group of audit entries until they and their anchor are durable.',
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers: [registry],
    });
    this.#anchorFailures = new Counter({
      name: 'sealpost_audit_anchor_failures_total',
      help: 'Writes of the anchor of the audit log that failed; they are tried again.',
      registers: [registry],
    });
  }

  written(kind: AuditKind, bytes: number): void {
    this.#entries.inc({ kind });
    this.#bytes.inc({ kind }, bytes);
  }

  committed(ms: number): void {
    this.#seconds.observe(ms / 1000);
  }

  failed(kind: AuditKind): void {
    this.#failures.inc({ kind });
  }

  anchorFailed(): void {
    this.#anchorFailures.inc();
  }
}
