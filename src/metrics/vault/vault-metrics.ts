import { Counter, Histogram, type Registry } from 'prom-client';
import type { LayerKeyUse } from '../../envelope/index.ts';
import { statusTable, type StatusCode } from '../../rpc/index.ts';
import type {
  KeyPlace,
  KeyState,
  RevisionName,
  StartOutcome,
  StartTimes,
  VaultObserver,
} from '../../vault/index.ts';
import { CallMetrics } from '../call-metrics.ts';
import { ImageMetrics } from './image-metrics.ts';
import { RevisionLabels, revisionLabelNames, type RevisionLabel } from './revision-labels.ts';

/** From a warm unwrap of a millisecond to an image of gigabytes. */
const startSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240];
const requestMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000];

/** What happens in the vault: starts, stops, requests, imports, and what keys are asked. */
export class VaultMetrics implements VaultObserver {
  readonly #labels: RevisionLabels;
  readonly #requests: Counter<RevisionLabel | 'response_code' | 'response_code_class'>;
  readonly #latencies: Histogram<RevisionLabel>;
  readonly #startup: Histogram<RevisionLabel>;
  readonly #starts: Counter<'outcome'>;
  readonly #phases: Histogram<'phase'>;
  readonly #stops: Counter;
  readonly #calls: CallMetrics<'purpose'>;
  readonly #keyChanges: Counter<'state'>;
  readonly #images: ImageMetrics;
  readonly #droppedLines: Counter;

  constructor(registry: Registry, revisionsMax: number) {
    const registers = [registry];
    this.#labels = new RevisionLabels(revisionsMax);
    this.#requests = new Counter({
      name: 'run_request_count',
      help: 'Requests that services answered, or that were refused for them.',
      labelNames: [...revisionLabelNames, 'response_code', 'response_code_class'],
      registers,
    });
    this.#latencies = new Histogram({
      name: 'run_request_latencies',
      help: 'From a request to the last byte of its answer, milliseconds.',
      labelNames: [...revisionLabelNames],
      buckets: requestMs,
      registers,
    });
    this.#startup = new Histogram({
      name: 'run_container_startup_latencies',
      help: 'From the decision to start an instance to its readiness, milliseconds.',
      labelNames: [...revisionLabelNames],
      buckets: startSeconds.map((seconds) => seconds * 1000),
      registers,
    });
    this.#starts = new Counter({
      name: 'sealpost_vault_starts_total',
      help: 'Attempts to start an instance, by how they ended.',
      labelNames: ['outcome'],
      registers,
    });
    this.#phases = new Histogram({
      name: 'sealpost_vault_start_seconds',
      help: 'Parts of starts: unwrap of the DEK, open and apply of layers, probe; seconds each.',
      labelNames: ['phase'],
      buckets: startSeconds,
      registers,
    });
    this.#stops = new Counter({
      name: 'sealpost_vault_stops_total',
      help: 'Instances that ended, for whatever reason.',
      registers,
    });
    this.#calls = new CallMetrics(registry, {
      prefix: 'sealpost_vault_kms',
      what: 'Calls of the key service by the vault: starts, deployments and checks',
      label: 'purpose',
    });
    this.#keyChanges = new Counter({
      name: 'sealpost_vault_key_changes_total',
      help: 'Changes of the state of keys of services, by the state that they came into.',
      labelNames: ['state'],
      registers,
    });
    this.#images = new ImageMetrics(registry);
    this.#droppedLines = new Counter({
      name: 'sealpost_vault_log_lines_dropped_total',
      help: "Lines of services' logs that were not kept because too many came at once.",
      registers,
    });
  }

  started(revision: RevisionName, outcome: StartOutcome, times: StartTimes | null): void {
    this.#starts.inc({ outcome });
    if (times === null) return;
    const { unwrapMs, openMs, applyMs, probeMs } = times;
    for (const [phase, ms] of Object.entries({
      unwrap: unwrapMs,
      open: openMs,
      apply: applyMs,
      probe: probeMs,
    })) {
      this.#phases.observe({ phase }, ms / 1000);
    }
    if (outcome !== 'ready') return;
    this.#startup.observe(this.#labels.of(revision), unwrapMs + openMs + applyMs + probeMs);
  }

  stopped(): void {
    this.#stops.inc();
  }

  request(revision: RevisionName, status: number, ms: number): void {
    const labels = this.#labels.of(revision);
    this.#requests.inc({
      ...labels,
      response_code: String(status),
      response_code_class: `${Math.floor(status / 100)}xx`,
    });
    this.#latencies.observe(labels, ms);
  }

  keyCall(use: LayerKeyUse, code: string, ms: number): void {
    this.#calls.record(use, code in statusTable ? (code as StatusCode) : 'UNKNOWN', ms);
  }

  keyState(_place: KeyPlace, { condition }: KeyState): void {
    this.#keyChanges.inc({ state: condition.toLowerCase() });
  }

  imported(outcome: 'imported' | 'failed', bytes: number, deduplicated: number, ms: number): void {
    this.#images.imported(outcome, bytes, deduplicated, ms);
  }

  logLinesDropped(count: number): void {
    this.#droppedLines.inc(count);
  }
}
