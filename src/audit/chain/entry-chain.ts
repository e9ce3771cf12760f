import type { AeadKey } from '../../crypto/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Clock, Entropy } from '../../runtime/index.ts';
import type { Append, Outcome, Store } from '../../storage/index.ts';
import type { LoggedEntry } from '../audit-entry.ts';
import type { AuditObserver } from '../observer.ts';
import type { AnchorKeeper } from './anchor.ts';
import { type ChainEnd, type NewEntry, type SealedSegment, sealSegment } from './audit-segment.ts';
import type { ChainName } from './stored-entry.ts';

/** One segment holds at most this much, so that a damaged one takes little with it. */
const batchBytesMax = 256 * 1024;
const batchEntriesMax = 256;

export interface ChainPorts {
  readonly store: Store;
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly anchors: AnchorKeeper;
  readonly observer: AuditObserver;
}

interface Waiting extends NewEntry {
  readonly resolve: (entry: LoggedEntry) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The writing end of one log. While a segment is on its way to the disk the next gathers what
 * arrives; entries are sealed only when their turn comes, so what waits costs no copy.
 */
export class EntryChain {
  readonly #name: ChainName;
  readonly #ports: ChainPorts;
  #end: ChainEnd;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(name: ChainName, end: ChainEnd, ports: ChainPorts) {
    this.#name = name;
    this.#end = end;
    this.#ports = ports;
  }

  /** Where the durable part of the chain ends. */
  get end(): ChainEnd {
    return this.#end;
  }

  /** Durable when it resolves. Throws RpcError UNAVAILABLE if it cannot be written. */
  append(added: NewEntry): Promise<LoggedEntry> {
    if (this.#isClosed) return Promise.reject(unwritable());
    return new Promise<LoggedEntry>((resolve, reject) => {
      this.#waiting.push({ ...added, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Refuses what comes from now on; what came before is durable, or was refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running !== null) await this.#running;
  }

  async #drain(): Promise<void> {
    // What arrives in the same turn shares a segment.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        await this.#write(batch);
      } catch (error) {
        for (const { entry, reject } of batch) {
          this.#ports.observer.failed(entry.kind);
          reject(unwritable(error));
        }
      }
    }
    this.#running = null;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < batchEntriesMax && bytes < batchBytesMax) {
      bytes += JSON.stringify(this.#waiting[count]!.entry).length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const { clock, anchors, observer } = this.#ports;
    const startedMs = clock.monotonicMs();
    const timeMs = Math.max(clock.wallMs(), this.#end.timeMs);
    const sealed = sealSegment(this.#name, this.#end, batch, { ...this.#ports, timeMs });
    await this.#store(sealed.append);
    this.#end = sealed.end;
    anchors.set(this.#name, { next: sealed.end.next, hash: sealed.end.hash });
    batch.forEach(({ id }, index) => {
      if (id !== undefined) anchors.remember(id, sealed.entries[index]!);
    });
    if (this.#name === 'activity') await anchors.trySave();
    else anchors.saveSoon();
    observer.committed(clock.monotonicMs() - startedMs);
    this.#answer(batch, sealed);
  }

  #answer(batch: readonly Waiting[], { append, entries }: SealedSegment): void {
    const bytes = append.body.length / batch.length;
    batch.forEach(({ entry, resolve }, index) => {
      this.#ports.observer.written(entry.kind, bytes);
      resolve(entries[index]!);
    });
  }

  /** After `unknown` the identical bytes are tried until it is known that they are there. */
  async #store(append: Append): Promise<void> {
    const { store } = this.#ports;
    let [outcome] = await store.commit([append]);
    for (let tries = 0; outcome === 'unknown' && tries < 3; tries++) {
      const landed: Outcome = await store.resolve(append);
      if (landed === 'ok') return;
      [outcome] = await store.commit([append]);
    }
    if (outcome === 'ok') return;
    // A conflict after all: it may be our own, of a try whose answer was lost.
    if ((await store.resolve(append)) === 'ok') return;
    throw new Error(`an audit segment was answered ${outcome}`);
  }
}

/** What is not recorded is not done. */
function unwritable(cause?: unknown): RpcError {
  const text = 'The audit log cannot be written, and nothing is done that it does not record.';
  return new RpcError('UNAVAILABLE', 'AUDIT_UNAVAILABLE', text, { cause });
}
