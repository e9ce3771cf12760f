import type { DestructionGuard, KeyChange, KeyService, VersionDependents } from '../kms/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Cancel, Clock } from '../runtime/index.ts';
import { reportKeptMs } from './remote-limits.ts';

/** What a broker said of one CryptoKeyVersion. */
export interface ReportedUse {
  /** The CryptoKeyVersion's full name. */
  readonly name: string;
  readonly dekCount: number;
  readonly messageCount: number;
  readonly byteCount: number;
  /** Full names, at most 100. */
  readonly topics: readonly string[];
}

export interface KeyWatchHubOptions {
  readonly keys: Pick<KeyService, 'onChange'>;
  readonly projectNumber: (projectId: string) => Promise<string>;
  readonly clock: Clock;
}

/** Watches at a time: a broker has one. Beyond it a stranger could make us hold any number. */
const watchersMax = 1_000;
/** Reports that are kept of watchers who left; beyond it the oldest go. */
const keptReportsMax = 1_000;
/** Versions that one report may name. */
const usesMax = 100_000;

/**
 * The key service's side of KeyWatch, without a wire: who watches, what each of them depends on,
 * and the guard that counts it. A report outlives its reporter's last
 * Watch by ten minutes: one that reconnects, restarts or is away keeps guarding its versions. A new
 * Watch of the same id takes the report over; one that restarted has another id, and its messages
 * count twice until the old report goes, which guards too much, never too little.
 */
export class KeyWatchHub implements DestructionGuard {
  readonly #options: KeyWatchHubOptions;
  /** Open watches by watcher; one that reconnects may have two for a moment. */
  readonly #watchers = new Map<string, Set<object>>();
  readonly #reports = new Map<string, ReadonlyMap<string, ReportedUse>>();
  /** Watchers who left and whose reports are kept, oldest first; cancels their end. */
  readonly #departed = new Map<string, Cancel>();
  #watchCount = 0;

  constructor(options: KeyWatchHubOptions) {
    this.#options = options;
  }

  get watchCount(): number {
    return this.#watchCount;
  }

  /**
   * Tells `listener` first of a resync and then of every change; returns how to stop.
   *
   * @throws RpcError RESOURCE_EXHAUSTED if there are too many, INVALID_ARGUMENT without an id
   */
  watch(watcherId: string, listener: (change: KeyChange) => void): () => void {
    requireWatcher(watcherId);
    if (this.#watchCount >= watchersMax) throw tooMany('watches of keys');
    const watch = {};
    const watches = this.#watchers.get(watcherId) ?? new Set();
    this.#watchers.set(watcherId, watches.add(watch));
    this.#watchCount++;
    this.#departed.get(watcherId)?.();
    this.#departed.delete(watcherId);
    const stop = this.#options.keys.onChange(listener);
    listener({ kind: 'resync', resource: '' });
    return () => {
      stop();
      if (!watches.delete(watch)) return;
      this.#watchCount--;
      if (watches.size === 0) this.#left(watcherId);
    };
  }

  /** The number that names a project's service agents. */
  projectNumber(projectId: string): Promise<string> {
    return this.#options.projectNumber(projectId);
  }

  /**
   * Takes the place of what the reporter said before.
   *
   * @throws RpcError FAILED_PRECONDITION from one that does not watch: nothing would end its report
   */
  reportUse(watcherId: string, uses: readonly ReportedUse[]): void {
    requireWatcher(watcherId);
    if (!this.#watchers.has(watcherId)) {
      const text = 'Only a watcher that is connected may report use.';
      throw new RpcError('FAILED_PRECONDITION', 'WATCHER_UNKNOWN', text);
    }
    if (uses.length > usesMax) throw tooMany('versions in a report of use');
    this.#reports.set(watcherId, new Map(uses.map((use) => [use.name, use])));
  }

  async dependentsOf(versionName: string): Promise<VersionDependents> {
    const uses = [...this.#reports.values()].flatMap((report) => report.get(versionName) ?? []);
    const sum = (count: (use: ReportedUse) => number): number =>
      uses.reduce((total, use) => total + count(use), 0);
    return {
      dekCount: sum(({ dekCount }) => dekCount),
      messageCount: sum(({ messageCount }) => messageCount),
      byteCount: sum(({ byteCount }) => byteCount),
      topics: [...new Set(uses.flatMap(({ topics }) => topics))],
      // Brokers do not say when their messages expire: nothing is known to bound it.
      latestExpiryMs: null,
    };
  }

  #left(watcherId: string): void {
    this.#watchers.delete(watcherId);
    // A report of nothing guards nothing.
    if (!this.#reports.get(watcherId)?.size) return void this.#reports.delete(watcherId);
    const { clock } = this.#options;
    const forget = clock.schedule(clock.monotonicMs() + reportKeptMs, () =>
      this.#forget(watcherId),
    );
    this.#departed.set(watcherId, forget);
    const [oldest] = this.#departed.keys();
    if (this.#departed.size > keptReportsMax) this.#forget(oldest!);
  }

  #forget(watcherId: string): void {
    this.#departed.get(watcherId)?.();
    this.#departed.delete(watcherId);
    this.#reports.delete(watcherId);
  }
}

function requireWatcher(watcherId: string): void {
  if (/^[!-~]{1,100}$/.test(watcherId)) return;
  const text = 'Request field watcher_id must be 1 to 100 visible ASCII characters.';
  throw new RpcError('INVALID_ARGUMENT', 'BAD_WATCHER_ID', text);
}

function tooMany(what: string): RpcError {
  return new RpcError('RESOURCE_EXHAUSTED', 'KEY_WATCH_EXHAUSTED', `There are too many ${what}.`);
}
