import { backoffMs, type Cancel, type Clock, type Logger, Serial } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { Revision, RevisionName } from '../services/service.ts';
import type { KeyPlace, KeyState, KeyWatch } from './key-state.ts';
import { allRows } from './key-state-rows.ts';
import type { PendingShutdown, Revocations, RevocationTarget } from './revocations.ts';
import { deadlineOf, noteOf, placeOf } from './shutdown-decision.ts';
import {
  decodeShutdown,
  encodeShutdown,
  shutdownPrefix,
  shutdownRowKey,
  type StoredShutdown,
} from './shutdown-rows.ts';

export interface RevocationsOptions {
  readonly watch: KeyWatch;
  /** Sealed rows: `openSealedMeta` under the store key. */
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly target: RevocationTarget;
  /** How long an hour of a service's delay is; 3,600,000 but in rehearsals. */
  readonly hourMs?: number;
}

/** What is known of a revision here. */
interface Entry {
  readonly revision: Revision;
  readonly place: KeyPlace;
  /** The state that its log was told of last; empty: none that is not good. */
  noted: string;
  /** Attempts to stop its instances that failed, and when the next one is due; monotonic. */
  attempts: number;
  retryMs: number;
  isStopping: boolean;
}

const hourMsDefault = 3_600_000;
/** Deadlines are of the wall clock, which may be set: it is looked at again this often. */
const pollMs = 60_000;
const retryMs = { first: 1_000, longest: 60_000 };
const why = 'key revoked';

/** Opens what was stored; a revision's shutdown goes on once the revision is added. */
export async function openRevocations(
  options: RevocationsOptions,
): Promise<Revocations & { close(): Promise<void> }> {
  const keeper = new ShutdownKeeper(options);
  for (const row of await allRows(options.meta, shutdownPrefix)) keeper.load(row);
  return keeper;
}

/**
 * Keeps the deadlines. One stands from the first definite revocation until the key works again:
 * later checks, other causes, a key that cannot be asked about, and restarts leave it as it is.
 */
class ShutdownKeeper implements Revocations {
  readonly #options: RevocationsOptions;
  readonly #hourMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #rows = new Map<string, StoredShutdown>();
  readonly #serial = new Serial();
  readonly #stopListening: () => void;
  readonly #retries = new Set<Cancel>();
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(options: RevocationsOptions) {
    this.#options = options;
    this.#hourMs = options.hourMs ?? hourMsDefault;
    this.#stopListening = options.watch.onChange((place, state) => this.#changed(place, state));
  }

  load(row: { readonly key: string; readonly value: Uint8Array }): void {
    const stored = decodeShutdown(row);
    if (stored !== null) this.#rows.set(row.key, stored);
    else this.#options.log.error({ row: row.key }, 'a stored shutdown is none');
  }

  async add(revision: Revision): Promise<void> {
    const place = placeOf(revision);
    const key = shutdownRowKey(revision.name);
    if (place === null || this.#entries.has(key)) return;
    // What was known before was told before; that a key is good is worth a note only after that.
    const known = this.#options.watch.known(place);
    const noted = known === undefined || known.condition === 'ENABLED' ? '' : signatureOf(known);
    const fresh = { noted, attempts: 0, retryMs: 0, isStopping: false };
    this.#entries.set(key, { revision, place, ...fresh });
    this.#options.watch.watch(place);
    // A crash may have come between the state and the shutdown that follows from it.
    if (known?.condition === 'REVOKED') void this.#applySoon(key, known, false);
    void this.#settle(key);
  }

  async remove(name: RevisionName): Promise<void> {
    const key = shutdownRowKey(name);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry !== undefined) this.#options.watch.unwatch(entry.place);
    await this.#serial.run(() => this.#store(key, null));
    this.#arm();
  }

  pending(): readonly PendingShutdown[] {
    return this.#due().map(({ revision, key, deadlineMs }) => ({ revision, key, deadlineMs }));
  }

  /** Nothing is stopped from now on; what is being stored is stored. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    this.#cancel?.();
    for (const cancel of this.#retries) cancel();
    await this.#serial.run(async () => undefined);
  }

  #changed(place: KeyPlace, state: KeyState): void {
    for (const [key, entry] of this.#entries) {
      const isSame = entry.place.key === place.key && entry.place.project === place.project;
      if (isSame) void this.#applySoon(key, state, true);
    }
  }

  /** Takes in what is known now: a change may have come before the revision did, or a crash. */
  async #settle(key: string): Promise<void> {
    const place = this.#entries.get(key)?.place;
    if (place === undefined || this.#isClosed) return;
    await this.#applySoon(key, await this.#options.watch.state(place), false);
  }

  async #applySoon(key: string, state: KeyState, isNews: boolean): Promise<void> {
    try {
      await this.#serial.run(() => this.#apply(key, state, isNews));
    } catch (err) {
      this.#options.log.error({ err, row: key }, 'a shutdown could not be stored');
      this.#later(retryMs.first * 5, () => void this.#settle(key));
    }
    this.#arm();
  }

  async #apply(key: string, state: KeyState, isNews: boolean): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#isClosed) return;
    const row = this.#rows.get(key);
    if (state.condition === 'ENABLED') return await this.#restored(key, entry, state);
    const deadlineMs = row === undefined ? deadlineOf(entry.revision, state, this.#hourMs) : null;
    if (deadlineMs !== null) await this.#begin(key, entry, state, deadlineMs);
    else if (isNews) this.#noteState(entry, state);
  }

  async #begin(key: string, entry: Entry, state: KeyState, deadlineMs: number): Promise<void> {
    const { name, settings } = entry.revision;
    const cause = state.cause ?? 'disabled';
    const revoked = settings.encryption?.key ?? '';
    await this.#store(key, { revision: name, key: revoked, cause, deadlineMs, isDone: false });
    entry.attempts = 0;
    entry.noted = '';
    this.#noteState(entry, state);
    const text =
      `Instances of revision ${name.revisionId} will be shut down at ${timeText(deadlineMs)} ` +
      'unless the CMEK key can be used again by then.';
    this.#note(entry, 'WARNING', text);
  }

  async #restored(key: string, entry: Entry, state: KeyState): Promise<void> {
    const row = this.#rows.get(key);
    if (row !== undefined) await this.#store(key, null);
    const isCancelled = row !== undefined && !row.isDone && !entry.isStopping;
    if (entry.noted !== '' || row !== undefined) this.#noteState(entry, state);
    entry.noted = '';
    if (!isCancelled) return;
    const { revisionId } = row.revision;
    const text = `The shutdown of revision ${revisionId} at ${timeText(row.deadlineMs)} is cancelled.`;
    this.#note(entry, 'INFO', text);
  }

  /** Rows whose deadline is ahead, or past and not acted upon, of revisions that are known. */
  #due(): readonly (StoredShutdown & { readonly rowKey: string; readonly entry: Entry })[] {
    return [...this.#rows].flatMap(([rowKey, row]) => {
      const entry = this.#entries.get(rowKey);
      return entry === undefined || row.isDone ? [] : [{ ...row, rowKey, entry }];
    });
  }

  #arm(): void {
    this.#cancel?.();
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const waits = this.#due()
      .filter(({ entry }) => !entry.isStopping)
      .map((each) => Math.max(each.deadlineMs - clock.wallMs(), each.entry.retryMs - nowMs, 0));
    if (waits.length === 0) return;
    const inMs = Math.min(pollMs, ...waits);
    this.#cancel = clock.schedule(nowMs + inMs, () => this.#poll());
  }

  #poll(): void {
    const { clock } = this.#options;
    for (const { rowKey, entry, deadlineMs } of this.#due()) {
      const isRetry = entry.retryMs > clock.monotonicMs();
      if (deadlineMs > clock.wallMs() || isRetry || entry.isStopping) continue;
      entry.isStopping = true;
      void this.#stop(rowKey, entry);
    }
    this.#arm();
  }

  /** Looks at the key once more, then stops the instances: until it succeeded. */
  async #stop(key: string, entry: Entry): Promise<void> {
    const { watch, target, clock, log } = this.#options;
    try {
      const state = await watch.state(entry.place);
      if (state.condition === 'ENABLED' || this.#isClosed) return await this.#tooLate(key, entry);
      await target.shutDown(entry.revision.name, why);
      await this.#serial.run(() => this.#stopped(key, entry));
    } catch (err) {
      entry.attempts++;
      entry.retryMs = clock.monotonicMs() + backoffMs(retryMs, entry.attempts);
      log.error({ err, row: key, attempts: entry.attempts }, 'instances could not be shut down');
    } finally {
      entry.isStopping = false;
      this.#arm();
    }
  }

  /** It was restored just before its deadline, and the change is still to be told. */
  async #tooLate(key: string, entry: Entry): Promise<void> {
    entry.isStopping = false;
    if (!this.#isClosed) await this.#settle(key);
  }

  async #stopped(key: string, entry: Entry): Promise<void> {
    if (this.#isClosed) return;
    const row = this.#rows.get(key);
    if (row !== undefined) await this.#store(key, { ...row, isDone: true });
    const { revisionId } = entry.revision.name;
    const text = `Instances of revision ${revisionId} were shut down: its CMEK key was revoked.`;
    this.#note(entry, 'WARNING', text);
  }

  async #store(key: string, row: StoredShutdown | null): Promise<void> {
    if (row === null && !this.#rows.has(key)) return;
    const value = row === null ? null : encodeShutdown(row);
    await this.#options.meta.txn([], [{ key, value }]);
    if (row === null) this.#rows.delete(key);
    else this.#rows.set(key, row);
  }

  #noteState(entry: Entry, state: KeyState): void {
    const signature = signatureOf(state);
    if (entry.noted === signature) return;
    entry.noted = signature;
    const { severity, text } = noteOf(state);
    this.#note(entry, severity, text);
  }

  #note({ revision }: Entry, severity: 'INFO' | 'WARNING' | 'ERROR', text: string): void {
    try {
      this.#options.target.note(revision.name, severity, text);
    } catch (err) {
      this.#options.log.error({ err, text }, 'a note to a service could not be written');
    }
  }

  #later(inMs: number, task: () => void): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const cancel = clock.schedule(clock.monotonicMs() + inMs, () => {
      this.#retries.delete(cancel);
      task();
    });
    this.#retries.add(cancel);
  }
}

function signatureOf({ condition, cause, sinceMs }: KeyState): string {
  return `${condition} ${cause ?? ''} ${sinceMs}`;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
