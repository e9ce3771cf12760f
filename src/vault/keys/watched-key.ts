import { backoffMs, type Cancel, draw, type Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { VaultObserver } from '../observer.ts';
import { type ProbeOutcome, probeKey } from './key-check.ts';
import { isChange, nextState } from './key-condition.ts';
import type { KeyPlace, KeyState } from './key-state.ts';
import type { StoredKeyState } from './key-state-rows.ts';
import { type KeyVerdict, reportedVerdict, unreachable } from './key-verdict.ts';
import {
  NeededVersions,
  type NeededVersionsPorts,
  type VersionOutcomes,
} from './needed-versions.ts';
import { StateJournal } from './state-journal.ts';

export interface WatchedKeyPorts extends NeededVersionsPorts {
  readonly meta: MetaStore;
  readonly log: Logger;
  readonly observer: Pick<VaultObserver, 'keyCall' | 'keyState'>;
  readonly checkMs: number;
  readonly tell: (place: KeyPlace, state: KeyState) => void;
}

const badMs = { first: 5_000, longest: 60_000 };
/** What changes under so many checks in a row keeps the state that it had. */
const roundsMax = 20;
const restless = { verdict: unreachable('The key changed again and again while it was checked.') };

/**
 * One place: its checks, one at a time, and what follows from them and from real uses.
 *
 * Only a whole check that began after the last bad news makes a key good: neither a real use that
 * went well, nor a check that was under way when something was refused or changed. A version that
 * was refused is asked about by its own name until it works, so that an older one which still wraps
 * a DEK is not covered up by a good primary version.
 */
export class WatchedKey {
  readonly place: KeyPlace;
  readonly #ports: WatchedKeyPorts;
  readonly #journal: StateJournal;
  readonly #versions: NeededVersions;
  #watchers = 0;
  #member = '';
  #primary: KeyVerdict | null = null;
  #primaryVersion: string | undefined;
  #state: KeyState | null;
  /** Of what was stored last. */
  #signature = '';
  /** Monotonic; null until a check ended in this process. */
  #checkedMs: number | null = null;
  #news = 0;
  #badChecks = 0;
  #current: Promise<KeyState> | null = null;
  #following: Promise<KeyState> | null = null;
  #cancel: Cancel | null = null;
  #isClosed = false;

  constructor(place: KeyPlace, stored: StoredKeyState | null, ports: WatchedKeyPorts) {
    this.place = place;
    this.#ports = ports;
    this.#versions = new NeededVersions(place, stored?.refused ?? [], ports);
    this.#state = stored?.state ?? null;
    this.#primaryVersion = stored?.state.keyVersion;
    const tell = (state: KeyState): void => ports.tell(place, state);
    this.#journal = new StateJournal(place, { ...ports, tell });
  }

  get known(): KeyState | null {
    return this.#state;
  }

  get isWatched(): boolean {
    return this.#watchers > 0;
  }

  /** What is known; checked first if that was found before this process, or too long ago. */
  state(): Promise<KeyState> {
    const { clock, checkMs } = this.#ports;
    const oldestMs = clock.monotonicMs() - 2 * Math.max(checkMs, badMs.longest);
    const isRecent = this.#checkedMs !== null && this.#checkedMs >= oldestMs;
    if (isRecent && this.#state !== null) return Promise.resolve(this.#state);
    return this.#current ?? this.check();
  }

  /** A check that begins now, or after the one under way. */
  check(): Promise<KeyState> {
    if (this.#following !== null) return this.#following;
    if (this.#current === null) return this.#begin();
    this.#following = this.#current.then(() => this.#begin());
    return this.#following;
  }

  /** Something was said to have changed: a check that is under way begins again. */
  changed(): void {
    this.#versions.forgetMute();
    this.#news++;
    if (this.isWatched) this.#checkSoon();
    else this.#checkedMs = null;
  }

  report(outcome: unknown): void {
    if (outcome === null) {
      this.#versions.forgetMute();
      if (this.#state?.condition !== 'ENABLED') this.#checkSoon();
      return;
    }
    const verdict = reportedVerdict(outcome, { key: this.place.key, member: this.#member });
    if (verdict === null) return this.#checkSoon();
    this.#news++;
    if (!this.#versions.refuse(verdict)) this.#primary = verdict;
    this.#apply(this.#state?.checkedMs ?? 0);
    if (this.#current === null && this.#badChecks === 0) this.#schedule();
  }

  /** From the first call on it is stored, and checked by itself. */
  watch(): void {
    if (this.#watchers++ > 0) return;
    this.#signature = '';
    if (this.#checkedMs === null) this.#checkSoon();
    else {
      this.#store(false);
      this.#schedule();
    }
  }

  unwatch(): void {
    if (this.#watchers === 0 || --this.#watchers > 0) return;
    this.#cancel?.();
    this.#journal.add({ row: null, told: null });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#journal.close();
  }

  #checkSoon(): void {
    if (this.#current === null && !this.#isClosed) void this.check();
  }

  #begin(): Promise<KeyState> {
    this.#following = null;
    this.#current = this.#run().finally(() => (this.#current = null));
    return this.#current;
  }

  async #run(): Promise<KeyState> {
    this.#cancel?.();
    for (let round = 1; round <= roundsMax; round++) {
      const news = this.#news;
      const { primary, versions } = await this.#look();
      const isFresh = this.#news === news;
      if (isFresh) this.#versions.take(versions);
      if (isFresh || primary.verdict !== null) this.#take(primary);
      if (isFresh) break;
    }
    if (this.#state === null) this.#take(restless);
    this.#checkedMs = this.#ports.clock.monotonicMs();
    this.#schedule();
    return this.#state!;
  }

  async #look(): Promise<{ primary: ProbeOutcome; versions: VersionOutcomes | null }> {
    const primary = await probeKey(this.#ports, this.place, this.place.key);
    if (primary.member !== '') this.#member = primary.member;
    if (primary.verdict !== null) return { primary, versions: null };
    return { primary, versions: await this.#versions.look(primary.version) };
  }

  #take({ verdict, version }: Pick<ProbeOutcome, 'verdict' | 'version'>): void {
    this.#primary = verdict;
    if (version !== undefined) this.#primaryVersion = version;
    this.#apply(this.#ports.clock.wallMs());
  }

  #apply(checkedMs: number): void {
    const before = this.#state;
    const findings = { primary: this.#primary, refused: this.#versions.refused };
    const times = { nowMs: this.#ports.clock.wallMs(), checkedMs };
    const after = nextState(before, { ...findings, primaryVersion: this.#primaryVersion }, times);
    this.#state = after;
    this.#store(isChange(before, after));
    this.#ports.observer.keyState(this.place, after);
  }

  /** Of what nobody watches nothing is stored. */
  #store(isChanged: boolean): void {
    if (this.#isClosed) return;
    const state = this.#state!;
    const refused = [...this.#versions.refused];
    const signature = JSON.stringify([{ ...state, checkedMs: 0 }, refused]);
    if (!this.isWatched) {
      if (isChanged) this.#ports.tell(this.place, state);
      return;
    }
    if (signature === this.#signature) return;
    this.#signature = signature;
    const row = { place: this.place, state, refused };
    this.#journal.add({ row, told: isChanged ? state : null });
  }

  #schedule(): void {
    this.#cancel?.();
    if (this.#isClosed || !this.isWatched) return;
    const { clock } = this.#ports;
    const isGood = this.#state?.condition === 'ENABLED';
    this.#badChecks = isGood ? 0 : this.#badChecks + 1;
    const inMs = isGood ? this.#goodMs() : backoffMs(badMs, this.#badChecks);
    this.#cancel = clock.schedule(clock.monotonicMs() + inMs, () => this.#checkSoon());
  }

  /** checkMs, give or take a tenth: keys that were made together are not checked together. */
  #goodMs(): number {
    const [drawn = 0] = draw(this.#ports.entropy, 1);
    return this.#ports.checkMs * (0.9 + (0.2 * drawn) / 255);
  }
}
