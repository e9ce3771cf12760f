import type { AeadKey } from '../../crypto/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { Append, Outcome, Store } from '../../storage/index.ts';
import type { LineBatch, LineQueue } from './line-queue.ts';
import type { KeptLog } from './kept-log.ts';
import { sealLines } from './log-segment.ts';
import { type ServiceName, serviceNameOf } from '../services/service.ts';
import type { LogName } from './service-logs.ts';

export interface LineWriterPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly queue: LineQueue;
  /** The log of a batch's service, made if there is none, which knows its names from now on. */
  readonly logOf: (batch: LineBatch, names: readonly LogName[]) => Promise<KeptLog>;
}

/** A batch on its way: the identical bytes are sent until it is known what became of them. */
interface Sent {
  readonly batch: LineBatch;
  readonly log: KeptLog;
  readonly append: Append;
}

/**
 * Writes what waits, one segment of each service at a time, all in one group commit. What did not
 * land is sealed anew, at the tail of its log, in the next round.
 */
export class LineWriter {
  readonly #ports: LineWriterPorts;
  #batches: readonly LineBatch[] = [];
  #isInDoubt = false;
  #sent: readonly Sent[] = [];

  constructor(ports: LineWriterPorts) {
    this.#ports = ports;
  }

  /** The order of the first line that is taken and not written; Infinity if there is none. */
  get firstOrder(): number {
    return Math.min(...this.#batches.map(({ order }) => order));
  }

  /** Forgets what is on its way to the log of a service that goes. */
  forget(service: ServiceName): void {
    const name = serviceNameOf(service);
    const gone = this.#batches.filter((batch) => serviceNameOf(batch.service) === name);
    this.#sent = this.#sent.filter(({ batch }) => !gone.includes(batch));
    for (const batch of gone) this.#finish(batch);
  }

  /** One round: what failed before, else what waits. Throws if it could not be stored. */
  async round(): Promise<void> {
    const { queue, clock } = this.#ports;
    if (this.#batches.length === 0) this.#batches = queue.take(clock.wallMs());
    if (this.#batches.length === 0) return;
    if (this.#sent.length === 0) this.#sent = await this.#seal();
    const outcomes = await this.#commit();
    const sent = this.#sent;
    this.#isInDoubt = false;
    this.#sent = [];
    for (const [index, { log, append, batch }] of sent.entries()) {
      if (outcomes[index] !== 'ok') continue;
      log.appended(append);
      this.#finish(batch);
    }
    const lost = sent.filter((_each, index) => outcomes[index] !== 'ok');
    for (const { log } of lost) await log.load(this.#ports.store);
  }

  async #seal(): Promise<Sent[]> {
    const { key, entropy, logOf } = this.#ports;
    const sent: Sent[] = [];
    for (const batch of this.#batches) {
      const log = await logOf(batch, [...new Set(batch.lines.map((line) => line.log))]);
      let { timeMs } = log;
      const lines = batch.lines.map((line) => {
        timeMs = Math.max(timeMs, line.timeMs);
        return { ...line, timeMs };
      });
      const at = { service: batch.service, log: log.id, next: log.next };
      sent.push({ batch, log, append: sealLines(lines, at, { key, entropy }) });
    }
    return sent;
  }

  async #commit(): Promise<readonly Outcome[]> {
    const { store } = this.#ports;
    const appends = this.#sent.map(({ append }) => append);
    if (this.#isInDoubt) return await this.#resolved(appends);
    const outcomes = await store.commit(appends);
    if (!outcomes.includes('unknown')) return outcomes;
    this.#isInDoubt = true;
    return await this.#resolved(appends);
  }

  async #resolved(appends: readonly Append[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const append of appends) outcomes.push(await this.#ports.store.resolve(append));
    return outcomes;
  }

  #finish(batch: LineBatch): void {
    this.#batches = this.#batches.filter((each) => each !== batch);
    this.#ports.queue.release(batch);
  }
}
