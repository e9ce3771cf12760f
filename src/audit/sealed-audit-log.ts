import type { AeadKey } from '../crypto/index.ts';
import type { Clock, Entropy, Logger } from '../runtime/index.ts';
import type { Store } from '../storage/index.ts';
import type { AuditEntry, LoggedEntry } from './audit-entry.ts';
import type { AuditLog, AuditPage, AuditQuery } from './audit-log.ts';
import { AnchorKeeper, type AnchorStore } from './chain/anchor.ts';
import { startChain } from './chain/chain-start.ts';
import { EntryChain } from './chain/entry-chain.ts';
import { type AuditCheck, findingOf } from './chain/finding.ts';
import { RecentIds } from './chain/recent-ids.ts';
import { Retention, type RetentionDays } from './chain/retention.ts';
import { type ChainName, chainNames, chainOf } from './chain/stored-entry.ts';
import { verifyChain } from './chain/verification.ts';
import { type AuditObserver, noAuditObserver } from './observer.ts';
import { EntrySearch } from './search/entry-search.ts';

export interface AuditLogOptions {
  /** A store of its own; the caller closes it after the log. */
  readonly store: Store;
  /** Where the anchor is kept, apart from the store. */
  readonly anchor: AnchorStore;
  /** Derived from the store key for this purpose only; the caller destroys it after `close`. */
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer?: AuditObserver;
  /** 400 days of activity and 30 of data access unless given. */
  readonly retentionDays?: Partial<RetentionDays>;
}

/** As long as Google keeps them. */
export const retentionDaysDefault: RetentionDays = { activity: 400, data_access: 30 };

/** Ids that are remembered: of the entries last appended, and of the tail that was found at start. */
const recentIdsMax = 10_000;

/** The audit log over a store. Opens in time that does not depend on how much it holds. */
export class SealedAuditLog implements AuditLog {
  readonly #chains: Readonly<Record<ChainName, EntryChain>>;
  readonly #anchors: AnchorKeeper;
  readonly #retention: Retention;
  readonly #search: EntrySearch;
  readonly #ids: RecentIds;
  readonly #options: AuditLogOptions;
  readonly #pending = new Map<string, Promise<LoggedEntry>>();

  constructor(
    options: AuditLogOptions,
    parts: {
      readonly chains: Readonly<Record<ChainName, EntryChain>>;
      readonly anchors: AnchorKeeper;
      readonly ids: RecentIds;
    },
  ) {
    const days = { ...retentionDaysDefault, ...options.retentionDays };
    this.#options = options;
    this.#chains = parts.chains;
    this.#anchors = parts.anchors;
    this.#ids = parts.ids;
    this.#retention = new Retention({ ...options, anchors: parts.anchors, days });
    this.#search = new EntrySearch({ ...options, rangeOf: (name) => this.#rangeOf(name) });
  }

  /** Trims what is past its time, and goes on doing so. */
  async start(): Promise<void> {
    await this.#anchors.save();
    await this.#retention.start();
  }

  async append(entry: AuditEntry, id?: string): Promise<LoggedEntry> {
    const chain = this.#chains[chainOf(entry.kind)];
    if (id === undefined) return await chain.append({ entry, id });
    const known = this.#ids.get(id);
    if (known !== undefined) return { ...entry, ...known };
    const appending = this.#pending.get(id) ?? this.#appendOnce(chain, entry, id);
    return await appending;
  }

  async read(query: AuditQuery): Promise<AuditPage> {
    return await this.#search.page(query);
  }

  async logNames(parent: string): Promise<string[]> {
    return await this.#search.logNames(parent);
  }

  async verify(check: AuditCheck, signal: AbortSignal): Promise<void> {
    if (!(await this.#anchors.isStored())) {
      for (const name of chainNames) check.found(findingOf(name, 'anchor', this.#rangeOf(name)));
    }
    for (const { chain, kind, from, below, timeMs } of this.#anchors.incidents) {
      const times = { afterMs: null, beforeMs: timeMs };
      check.found(findingOf(chain, kind, { from, below }, times));
    }
    const ports = { ...this.#options, anchors: this.#anchors };
    for (const name of chainNames) {
      await verifyChain(name, this.#chains[name].end, ports, check, signal);
    }
  }

  async close(): Promise<void> {
    await this.#retention.close();
    for (const name of chainNames) await this.#chains[name].close();
    await this.#anchors.close();
  }

  #rangeOf(name: ChainName): { from: number; below: number } {
    return { from: this.#anchors.anchor(name).trim, below: this.#chains[name].end.next };
  }

  async #appendOnce(chain: EntryChain, entry: AuditEntry, id: string): Promise<LoggedEntry> {
    const appending = chain.append({ entry, id });
    this.#pending.set(id, appending);
    try {
      const { insertId, timeMs } = await appending;
      this.#ids.add(id, { insertId, timeMs });
    } finally {
      this.#pending.delete(id);
    }
    return await appending;
  }
}

/** Opens the log: finds its end, compares it with the anchor, and goes on from there. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { store, key, clock, log, observer = noAuditObserver } = options;
  const anchors = await AnchorKeeper.open({ ...options, observer, store: options.anchor });
  const ids = new RecentIds(recentIdsMax);
  for (const [id, place] of anchors.ids) ids.add(id, place);
  const start = { store, key, anchors, ids, nowMs: clock.wallMs(), log };
  const ports = { ...options, anchors, observer };
  const open = async (name: ChainName): Promise<EntryChain> =>
    new EntryChain(name, await startChain(name, start), ports);
  const chains = { activity: await open('activity'), data_access: await open('data_access') };
  const audit = new SealedAuditLog(options, { chains, anchors, ids });
  await audit.start();
  return audit;
}
