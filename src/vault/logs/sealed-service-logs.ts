import type { AeadKey } from '../../crypto/index.ts';
import { openSealedMeta } from '../../envelope/index.ts';
import {
  backoffMs,
  type Cancel,
  type Clock,
  type Entropy,
  type Logger,
  Serial,
} from '../../runtime/index.ts';
import type { Store } from '../../storage/index.ts';
import type { VaultObserver } from '../observer.ts';
import type { ServiceName } from '../services/service.ts';
import { KeptLog } from './kept-log.ts';
import { type LineBatch, LineQueue } from './line-queue.ts';
import { LineWriter } from './line-writer.ts';
import { structuredEntry } from './log-line.ts';
import { type ReadRequest, readLogs } from './log-reader.ts';
import { LogRegistry, logRowKey } from './log-registry.ts';
import type { LoggedServiceEntry, LogName, ServiceLogEntry, ServiceLogs } from './service-logs.ts';

export interface ServiceLogsOptions {
  /** The vault's own: all logs in it are of services. The caller closes it after the logs. */
  readonly store: Store;
  /** The store key; the caller destroys it after `close`. */
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: Pick<VaultObserver, 'logLinesDropped'>;
  /** Of all logs together. The last segment of each service, at most 256 KiB, stays in any case. */
  readonly bytesMax: number;
}

/** What comes within this time shares a segment. */
const gatherMs = 200;
const retryMs = { first: 1_000, longest: 60_000 };

/** Opens the logs of services. Reads through all that is stored, once. */
export async function openServiceLogs(options: ServiceLogsOptions): Promise<ServiceLogs> {
  const { store, key, entropy, log } = options;
  const registry = new LogRegistry(store, openSealedMeta({ inner: store.meta, key, entropy }));
  const { logs, strange } = await registry.load();
  for (const row of strange) log.error({ row }, 'a stored row of a log is none');
  const kept = logs.map((registered) => new KeptLog(registered));
  for (const each of kept) await each.load(store);
  return new SealedServiceLogs(options, registry, kept);
}

class SealedServiceLogs implements ServiceLogs {
  readonly #options: ServiceLogsOptions;
  readonly #registry: LogRegistry;
  readonly #logs: Map<string, KeptLog>;
  readonly #queue: LineQueue;
  readonly #writer: LineWriter;
  readonly #serial = new Serial();
  #cancel: Cancel | null = null;
  #failures = 0;
  #isClosed = false;

  constructor(options: ServiceLogsOptions, registry: LogRegistry, logs: readonly KeptLog[]) {
    this.#options = options;
    this.#registry = registry;
    this.#logs = new Map(logs.map((log) => [logRowKey(log.service), log]));
    this.#queue = new LineQueue(options.observer);
    const logOf = (batch: LineBatch, names: readonly LogName[]): Promise<KeptLog> =>
      this.#logOf(batch.service, names);
    this.#writer = new LineWriter({ ...options, queue: this.#queue, logOf });
  }

  append(entry: ServiceLogEntry): void {
    try {
      if (this.#isClosed) this.#options.observer.logLinesDropped(1);
      else this.#queue.add(structuredEntry(entry));
    } catch {
      // A field that has no JSON: nothing of such a line can be kept.
      this.#options.observer.logLinesDropped(1);
    }
    this.#writeSoon();
  }

  async read(request: ReadRequest): Promise<readonly LoggedServiceEntry[]> {
    // What cannot be written just now does not keep anybody from what was.
    if (this.#failures === 0) await this.flush().catch(() => undefined);
    const { service } = request;
    const logs =
      service === undefined ? this.#ofProject(request.project) : this.#ofService(service);
    return await readLogs(logs, request, this.#options);
  }

  async logNames(project: string): Promise<readonly LogName[]> {
    const names = this.#ofProject(project).flatMap(({ registered }) => registered.names);
    return [...new Set(names)].toSorted();
  }

  async flush(): Promise<void> {
    const last = this.#queue.lastOrder;
    while (!this.#isWritten(last)) await this.#write();
  }

  async remove(service: ServiceName): Promise<void> {
    this.#queue.forget(service);
    await this.#serial.run(async () => {
      this.#writer.forget(service);
      const key = logRowKey(service);
      const log = this.#logs.get(key);
      if (log === undefined) return;
      this.#logs.delete(key);
      await this.#registry.remove(log.registered);
    });
  }

  /** Writes what waits, if it can be written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.flush().catch(() => undefined);
    this.#cancel?.();
    await this.#serial.run(async () => undefined);
  }

  #isWritten(order: number): boolean {
    return this.#queue.firstOrder > order && this.#writer.firstOrder > order;
  }

  #writeSoon(): void {
    if (this.#cancel !== null || this.#isClosed || this.#failures > 0) return;
    this.#writeIn(gatherMs);
  }

  #writeIn(inMs: number): void {
    const { clock, log } = this.#options;
    this.#cancel?.();
    this.#cancel = clock.schedule(clock.monotonicMs() + inMs, () => {
      this.#cancel = null;
      this.#write().catch((err: unknown) =>
        log.error({ err }, 'log lines of services could not be stored'),
      );
    });
  }

  /** One round at a time; after one that failed the next comes with a growing pause. */
  #write(): Promise<void> {
    return this.#serial.run(async () => {
      try {
        await this.#writer.round();
        this.#failures = 0;
        await this.#trim();
      } catch (error) {
        this.#failures++;
        if (!this.#isClosed) this.#writeIn(backoffMs(retryMs, this.#failures));
        throw error;
      }
      if (!this.#isWritten(this.#queue.lastOrder)) this.#writeSoon();
    });
  }

  /** The oldest segments go, whosever they are, until the rest fits. */
  async #trim(): Promise<void> {
    const { store, bytesMax } = this.#options;
    let bytes = [...this.#logs.values()].reduce((sum, log) => sum + log.bytes, 0);
    const cuts = new Map<number, number>();
    while (bytes > bytesMax) {
      const log = this.#oldest();
      if (log === null) break;
      bytes -= log.segments[0]!.bytes;
      cuts.set(log.id, log.forgetOldest());
    }
    if (cuts.size > 0) await store.trim([...cuts].map(([log, below]) => ({ log, below })));
  }

  #oldest(): KeptLog | null {
    const logs = [...this.#logs.values()].filter(({ segments }) => segments.length > 1);
    return logs.reduce<KeptLog | null>(
      (oldest, log) => (oldest === null || firstMs(log) < firstMs(oldest) ? log : oldest),
      null,
    );
  }

  #ofProject(project: string): KeptLog[] {
    return [...this.#logs.values()].filter(({ service }) => service.project === project);
  }

  #ofService(service: ServiceName): KeptLog[] {
    const log = this.#logs.get(logRowKey(service));
    return log === undefined ? [] : [log];
  }

  async #logOf(service: ServiceName, names: readonly LogName[]): Promise<KeptLog> {
    const key = logRowKey(service);
    const log = this.#logs.get(key) ?? new KeptLog(await this.#registry.create(service));
    this.#logs.set(key, log);
    const { registered } = log;
    const added = names.filter((name) => !registered.names.includes(name));
    if (added.length === 0) return log;
    const more = { ...registered, names: [...registered.names, ...added] };
    await this.#registry.save(more);
    log.registered = more;
    return log;
  }
}

function firstMs({ segments }: KeptLog): number {
  return segments[0]?.timeMs ?? 0;
}
