import { type AeadKey, associatedData, openRecord, sealRecord } from '../../crypto/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { AuditObserver } from '../observer.ts';
import { type IdPlace, RecentIds } from './recent-ids.ts';
import { type ChainName, chainNames, noHash } from './stored-entry.ts';

/** One small row apart from the log: in the environment of the keys. */
export interface AnchorStore {
  load(): Promise<Uint8Array | null>;
  /** Durable when it resolves. */
  save(blob: Uint8Array): Promise<void>;
}

/** What is remembered of one chain outside of its log. */
export interface ChainAnchor {
  /** Entries below were trimmed: the chain begins here, after the entry of hash `trusted`. */
  readonly trim: number;
  readonly trusted: Uint8Array;
  /** Entries below were there, and the last of them has this hash. */
  readonly next: number;
  readonly hash: Uint8Array;
}

/** Something that was wrong when the log was opened; kept, because the next start no longer sees it. */
export interface Incident {
  readonly kind: 'truncated' | 'anchor' | 'replaced';
  readonly chain: ChainName;
  /** Sequences that are gone or in doubt: `from` .. `below` - 1. */
  readonly from: number;
  readonly below: number;
  readonly timeMs: number;
}

export type Anchors = Readonly<Record<ChainName, ChainAnchor>>;

interface AnchorState {
  readonly chains: Anchors;
  readonly incidents: readonly Incident[];
  /** The last entries that have an id, however many without one came after them. */
  readonly ids: readonly (readonly [id: string, place: IdPlace])[];
}

/** More than an outbox holds of what it has delivered. */
const idsMax = 128;
const saveEveryMs = 10_000;
const incidentsMax = 100;
const context: Uint8Array = associatedData(['sealpost/audit/anchor/v1']);

const emptyAnchor: ChainAnchor = { trim: 0, trusted: noHash, next: 0, hash: noHash };

export interface AnchorKeeperOptions {
  readonly store: AnchorStore;
  readonly key: AeadKey;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: AuditObserver;
}

/** Keeps the anchor: in memory always right, on disk after `save`, or ten seconds later. */
export class AnchorKeeper {
  readonly #options: AnchorKeeperOptions;
  #chains: Record<ChainName, ChainAnchor>;
  #incidents: Incident[];
  readonly #ids = new RecentIds(idsMax);
  #saving: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  /** How the anchor was found: absent, or not what was written. */
  readonly found: 'read' | 'absent' | 'unreadable';
  /** As it was found. */
  readonly loaded: Anchors;

  private constructor(
    options: AnchorKeeperOptions,
    state: AnchorState | null,
    found: AnchorKeeper['found'],
  ) {
    this.#options = options;
    const chains = state?.chains;
    this.#chains = {
      activity: chains?.activity ?? emptyAnchor,
      data_access: chains?.data_access ?? emptyAnchor,
    };
    this.#incidents = [...(state?.incidents ?? [])];
    for (const [id, place] of state?.ids ?? []) this.#ids.add(id, place);
    this.found = found;
    this.loaded = { ...this.#chains };
  }

  static async open(options: AnchorKeeperOptions): Promise<AnchorKeeper> {
    const blob = await options.store.load();
    if (blob === null) return new AnchorKeeper(options, null, 'absent');
    const state = openAnchor(options.key, blob);
    return new AnchorKeeper(options, state, state === null ? 'unreadable' : 'read');
  }

  get incidents(): readonly Incident[] {
    return this.#incidents;
  }

  /** Entries that are in the log, by their ids. */
  get ids(): Iterable<readonly [string, IdPlace]> {
    return this.#ids.all();
  }

  remember(id: string, { insertId, timeMs }: IdPlace): void {
    this.#ids.add(id, { insertId, timeMs });
  }

  anchor(chain: ChainName): ChainAnchor {
    return this.#chains[chain];
  }

  set(chain: ChainName, change: Partial<ChainAnchor>): void {
    this.#chains[chain] = { ...this.#chains[chain], ...change };
  }

  note(incident: Incident): void {
    this.#incidents = [...this.#incidents, incident].slice(-incidentsMax);
  }

  /** Incidents so old that the log of their time has gone as well. */
  forgetIncidentsBefore(timeMs: number): void {
    this.#incidents = this.#incidents.filter((incident) => incident.timeMs >= timeMs);
  }

  /** Durable when it resolves; calls while one is under way share the next. */
  async save(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    this.#next ??= this.#saveNext();
    await this.#next;
  }

  /** At most every ten seconds; a failure is told to the log and made up for by the next. */
  saveSoon(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.schedule(clock.monotonicMs() + saveEveryMs, () => {
      this.#cancel = null;
      void this.trySave();
    });
  }

  /** What is stored is safe without it: only a tail that is cut meanwhile would not be missed. */
  async trySave(): Promise<void> {
    try {
      await this.save();
    } catch (error) {
      this.#options.observer.anchorFailed();
      this.#options.log.warn({ err: error }, 'The anchor of the audit log cannot be written');
      this.saveSoon();
    }
  }

  /** The stored row is the one that was written last, or a later one of this process. */
  async isStored(): Promise<boolean> {
    const blob = await this.#options.store.load();
    if (blob === null) return false;
    const state = openAnchor(this.#options.key, blob);
    if (state === null) return false;
    return chainNames.every((name) => state.chains[name].next <= this.#chains[name].next);
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    await this.trySave();
    // A failure above has planned another attempt.
    (this.#cancel as (() => void) | null)?.();
    this.#cancel = null;
  }

  async #saveNext(): Promise<void> {
    await this.#saving?.catch(() => undefined);
    this.#next = null;
    this.#saving = this.#saveNow();
    try {
      await this.#saving;
    } finally {
      this.#saving = null;
    }
  }

  async #saveNow(): Promise<void> {
    const { key, entropy, store } = this.#options;
    const json = JSON.stringify(this.#state(), (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    );
    await store.save(sealRecord(key, context, new TextEncoder().encode(json), entropy));
  }

  #state(): AnchorState {
    return { chains: this.#chains, incidents: this.#incidents, ids: [...this.#ids.all()] };
  }
}

function openAnchor(key: AeadKey, blob: Uint8Array): AnchorState | null {
  const plaintext = openRecord(key, context, blob);
  if (plaintext === null) return null;
  return JSON.parse(Buffer.from(plaintext).toString(), (name, value: unknown) =>
    name === 'hash' || name === 'trusted'
      ? new Uint8Array(Buffer.from(String(value), 'hex'))
      : value,
  ) as AnchorState;
}
