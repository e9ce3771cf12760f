import type { ImageOwner, ImageVault, ImportProgress } from '../images/image-vault.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';

/** An import that an operator asked for: how far it is, and how it ended. */
export interface ImportReport {
  /** 16 hex digits. */
  readonly id: string;
  readonly service: string;
  readonly reference: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly digest: string | null;
  /** Layers there are, null until the manifest is known; and those that are stored by now. */
  readonly layers: number | null;
  readonly storedLayers: number;
  /** Compressed bytes of the layer that is on its way, and how many it has. */
  readonly bytes: { readonly done: number; readonly total: number } | null;
  /** What went wrong. */
  readonly error: string | null;
}

export interface ImportJobsParts {
  readonly images: Pick<ImageVault, 'import'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
}

/** Reports of imports that ended, beside those that run. */
const endedMax = 50;
const runningMax = 4;

/** Imports ahead of a deployment: the deployment finds its layers stored. */
export class ImportJobs {
  readonly #images: Pick<ImageVault, 'import'>;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #log: Logger;
  readonly #reports: Map<string, ImportReport> = new Map();
  readonly #stopper: AbortController = new AbortController();
  readonly #running: Set<Promise<void>> = new Set();

  constructor({ images, clock, entropy, log }: ImportJobsParts) {
    this.#images = images;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#log = log;
  }

  /** @throws RpcError RESOURCE_EXHAUSTED while as many run as may */
  start(owner: ImageOwner, reference: string): ImportReport {
    if (this.#running.size >= runningMax) {
      const message = `${runningMax} imports are running. Wait until one of them has ended.`;
      throw new RpcError('RESOURCE_EXHAUSTED', 'TOO_MANY_IMPORTS', message);
    }
    const bytes = new Uint8Array(8);
    this.#entropy.fill(bytes);
    const report: ImportReport = {
      id: Buffer.from(bytes).toString('hex'),
      service: owner.serviceName,
      reference,
      state: 'running',
      startedMs: this.#clock.wallMs(),
      endedMs: null,
      digest: null,
      layers: null,
      storedLayers: 0,
      bytes: null,
      error: null,
    };
    this.#reports.set(report.id, report);
    const job = this.#run(report.id, owner, reference).finally(() => this.#running.delete(job));
    this.#running.add(job);
    return report;
  }

  list(): readonly ImportReport[] {
    return [...this.#reports.values()];
  }

  /** Ends what runs; layers that are stored by then stay. */
  async stop(): Promise<void> {
    this.#stopper.abort();
    await Promise.all(this.#running);
  }

  async #run(id: string, owner: ImageOwner, reference: string): Promise<void> {
    const onProgress = (event: ImportProgress): void => this.#advance(id, event);
    const { signal } = this.#stopper;
    try {
      const { digest } = await this.#images.import(owner, reference, onProgress, signal);
      this.#change(id, { state: 'done', digest });
    } catch (error) {
      const text = signal.aborted ? 'The vault stopped.' : this.#textOf(error, reference);
      this.#change(id, { state: 'failed', error: text });
    }
    this.#change(id, { endedMs: this.#clock.wallMs(), bytes: null });
    this.#forget();
  }

  #textOf(error: unknown, reference: string): string {
    if (error instanceof RpcError) return error.message;
    this.#log.error({ err: error, reference }, 'an import failed inside');
    return 'An internal error occurred.';
  }

  #advance(id: string, event: ImportProgress): void {
    if (event.kind === 'resolved') {
      this.#change(id, { digest: event.digest, layers: event.layers });
    } else if (event.kind === 'bytes') {
      this.#change(id, { bytes: { done: event.done, total: event.total } });
    } else if (event.state !== 'started') {
      const storedLayers = (this.#reports.get(id)?.storedLayers ?? 0) + 1;
      this.#change(id, { storedLayers, bytes: null });
    }
  }

  #change(id: string, change: Partial<ImportReport>): void {
    const report = this.#reports.get(id);
    if (report !== undefined) this.#reports.set(id, { ...report, ...change });
  }

  #forget(): void {
    const ended = this.list().filter(({ state }) => state !== 'running');
    for (const { id } of ended.slice(0, Math.max(0, ended.length - endedMax))) {
      this.#reports.delete(id);
    }
  }
}
