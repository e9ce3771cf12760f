import { Counter, Gauge, type Registry } from 'prom-client';
import type { RemoteKmsObserver, WatchState } from '../../remote-kms/index.ts';
import type { StatusCode } from '../../rpc/index.ts';
import { CallMetrics } from '../call-metrics.ts';

const watchStates: readonly WatchState[] = ['pushed', 'polled', 'unheard'];

/** What a key service in another process was asked, and how its changes are heard of. */
export class RemoteKmsMetrics implements RemoteKmsObserver {
  readonly #calls: CallMetrics<'operation'>;
  readonly #retries: Counter<'operation' | 'code'>;
  readonly #corrupted: Counter<'operation'>;
  readonly #breakers: Gauge;
  readonly #watch: Gauge<'state'>;
  readonly #changes: Counter<'kind'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const prefix = 'sealpost_remote_kms';
    this.#calls = new CallMetrics(registry, {
      prefix,
      what: 'Calls of a key service in another process, with their retries',
      label: 'operation',
    });
    this.#retries = new Counter({
      name: `${prefix}_retries_total`,
      help: 'Further tries within such calls, by the answer before.',
      labelNames: ['operation', 'code'],
      registers,
    });
    this.#corrupted = new Counter({
      name: `${prefix}_corrupted_total`,
      help: 'Answers whose checksums did not match, or did not confirm those of the request.',
      labelNames: ['operation'],
      registers,
    });
    this.#breakers = new Gauge({
      name: `${prefix}_open_breakers`,
      help: 'Keys that are not asked for now because calls for them failed again and again.',
      registers,
    });
    this.#watch = new Gauge({
      name: `${prefix}_watch`,
      help: 'How changes of keys are heard of: 1 for the state that holds, without one there is no remote key service.',
      labelNames: ['state'],
      registers,
    });
    this.#changes = new Counter({
      name: `${prefix}_changes_total`,
      help: 'Changes of keys that were heard of from another process.',
      labelNames: ['kind'],
      registers,
    });
  }

  call(operation: string, code: StatusCode, ms: number): void {
    this.#calls.record(operation, code, ms);
  }

  retried(operation: string, code: StatusCode): void {
    this.#retries.inc({ operation, code });
  }

  corrupted(operation: string): void {
    this.#corrupted.inc({ operation });
  }

  openBreakers(count: number): void {
    this.#breakers.set(count);
  }

  watch(state: WatchState): void {
    for (const each of watchStates) this.#watch.set({ state: each }, each === state ? 1 : 0);
  }

  change(kind: string): void {
    this.#changes.inc({ kind });
  }
}
