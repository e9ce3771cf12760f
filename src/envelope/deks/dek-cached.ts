import type { AccessReason } from '../../kms/index.ts';
import { backoffMs, type Cancel } from '../../runtime/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { SealedTopic } from '../dek.ts';
import { countCached, type DekContext, pause } from './dek-context.ts';
import { DekHandle, type DekTally } from './dek-handle.ts';
import {
  coldRetryMs,
  lastLookFraction,
  leastUseMs,
  lifetimeMs,
  refreshBackoffMs,
  refreshFraction,
  refusalMs,
  retiredGraceMs,
  rotationMs,
  shortLifeMs,
} from './dek-limits.ts';
import { isUnreachable, topicGone } from './dek-refusal.ts';
import type { DekRow } from './dek-row.ts';
import { type UnwrappedDek, unwrapDek } from './dek-wrapping.ts';
import type { EvictionCause } from '../observer.ts';

/** What a cached DEK tells the topic that it belongs to. */
export interface CachedDekOwner {
  /** Another DEK will have taken over before this one dies: unwrapping it again is for nothing. */
  isRelieved(dek: CachedDek): boolean;
  answered(dek: CachedDek): void;
  failed(dek: CachedDek): void;
  /** It was idle and is gone from memory. */
  idled(dek: CachedDek): void;
}

/**
 * One stored DEK and, while it is warm, its unwrapped key: unwrapped at most once at a time,
 * confirmed every six minutes while in use, dead at seven.
 */
export class CachedDek {
  readonly tally: DekTally;
  #row: DekRow;
  readonly #context: DekContext;
  readonly #topic: SealedTopic;
  readonly #owner: CachedDekOwner;
  #handle: DekHandle | null = null;
  #loading: Promise<DekHandle> | null = null;
  #refusal: { readonly error: RpcError; readonly untilMs: number } | null = null;
  /** Raised by every eviction: an answer to a question asked before it no longer counts. */
  #generation = 0;
  #unwrapTimeMs = 0;
  /** Its owner lets it live so shortly that nobody asks ahead. */
  #isShortLived = false;
  #retireTimeMs = -Infinity;
  #cancelDeath: Cancel | null = null;
  #cancelNext: Cancel | null = null;
  #isClosed = false;

  constructor(
    context: DekContext,
    topic: SealedTopic,
    row: DekRow,
    tally: DekTally,
    owner: CachedDekOwner,
  ) {
    this.#context = context;
    this.#topic = topic;
    this.#row = row;
    this.tally = tally;
    this.#owner = owner;
  }

  /** As it was stored last: a rewrap changes how it is wrapped, and nothing else. */
  get row(): DekRow {
    return this.#row;
  }

  /** Its handle, without noting a use; null when it would have to be unwrapped. */
  get warm(): DekHandle | null {
    return this.#handle?.isAlive ? this.#handle : null;
  }

  get diesAtMs(): number {
    return this.#handle?.diesAtMs ?? 0;
  }

  /** The handle itself when it is warm. Rejects with RpcError as DekManager says. */
  get(reason: AccessReason): DekHandle | Promise<DekHandle> {
    const handle = this.#handle;
    if (handle?.use()) return handle;
    this.#loading ??= this.#load(reason).finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Takes the key of a DEK that was just made; `askedMs` is when its unwrap was asked for. */
  adopt({ key, cacheMs }: UnwrappedDek, askedMs: number): DekHandle {
    const diesAtMs = this.#deathMs(askedMs, cacheMs);
    const parts = { version: this.row.version, key, tally: this.tally, diesAtMs };
    this.#handle = new DekHandle(parts, this.#context.clock);
    countCached(this.#context, 1);
    this.#confirmed(askedMs, diesAtMs);
    return this.#handle;
  }

  /** It is stored wrapped otherwise now. What was refused before may not be any more. */
  rewrapped(row: DekRow): void {
    const isOtherKey = row.kekName !== this.#row.kekName;
    this.#row = row;
    this.#refusal = null;
    // A change of that key which came while its wrap was being stored was not heard here.
    if (isOtherKey) void this.askAgain();
  }

  /** It seals no more; opens count as use again after a moment. */
  retire(): void {
    this.#retireTimeMs = this.#context.clock.monotonicMs() + retiredGraceMs;
  }

  /** Zeroes the key in this tick, and forgets refusals: the next use asks anew. */
  evict(cause: EvictionCause): void {
    this.#generation++;
    this.#refusal = null;
    this.#cancelDeath?.();
    this.#cancelNext?.();
    const handle = this.#handle;
    if (handle === null) return;
    this.#handle = null;
    handle.destroy();
    countCached(this.#context, -1);
    this.#context.observer.evicted(cause);
  }

  /** Evicts for ever: whatever is still under way is dropped. */
  close(cause: EvictionCause): void {
    this.evict(cause);
    this.#isClosed = true;
  }

  /** As after an eviction, but it lives on meanwhile, and dies of a refusal alone. */
  async askAgain(): Promise<void> {
    this.#generation++;
    this.#refusal = null;
    if (this.warm) await this.#refresh(1);
  }

  /** Asks the key service now, because the answer may have changed. */
  confirmNow(): void {
    if (this.warm) this.#startRefresh(1);
  }

  async #load(reason: AccessReason): Promise<DekHandle> {
    if (this.#handle) this.evict('idle');
    for (let attempt = 0; ; attempt++) {
      this.#throwRefusal();
      const generation = this.#generation;
      const askedMs = this.#context.clock.monotonicMs();
      const { row } = this;
      const answer = await this.#ask(reason);
      const isRefusedAsItWas = answer instanceof RpcError && row !== this.row;
      const isStale = generation !== this.#generation || isRefusedAsItWas;
      if (this.#isClosed) throw this.#closed(answer);
      if (isStale && !(answer instanceof RpcError)) answer.key.destroy();
      if (isStale) continue;
      if (!(answer instanceof RpcError)) return this.#loaded(answer, askedMs);
      const waitMs = isUnreachable(answer) ? coldRetryMs[attempt] : undefined;
      if (waitMs === undefined) throw this.#refused(answer);
      await pause(this.#context.clock, waitMs);
    }
  }

  #loaded(unwrapped: UnwrappedDek, askedMs: number): DekHandle {
    const handle = this.adopt(unwrapped, askedMs);
    this.#owner.answered(this);
    return handle;
  }

  #closed(answer: UnwrappedDek | RpcError): RpcError {
    if (!(answer instanceof RpcError)) answer.key.destroy();
    return topicGone(this.#topic, this.#context.isClosed);
  }

  async #ask(reason: AccessReason): Promise<UnwrappedDek | RpcError> {
    try {
      return await unwrapDek(this.#context, this.#topic, this.row, reason);
    } catch (error) {
      return RpcError.from(error);
    }
  }

  #throwRefusal(): void {
    const refusal = this.#refusal;
    if (refusal && this.#context.clock.monotonicMs() < refusal.untilMs) throw refusal.error;
  }

  #refused(error: RpcError): RpcError {
    this.#refusal = { error, untilMs: this.#context.clock.monotonicMs() + refusalMs };
    this.#owner.failed(this);
    return error;
  }

  /** Never beyond the seventh minute, and no longer than the key's owner allows. */
  #deathMs(askedMs: number, cacheMs: number | undefined): number {
    const latestMs = askedMs + lifetimeMs;
    if (cacheMs === undefined) return latestMs;
    const usableMs = this.#context.clock.monotonicMs() + leastUseMs;
    return Math.min(latestMs, Math.max(askedMs + cacheMs, usableMs));
  }

  #confirmed(askedMs: number, diesAtMs: number): void {
    const lifeMs = diesAtMs - askedMs;
    this.#unwrapTimeMs = askedMs;
    this.#isShortLived = lifeMs < shortLifeMs;
    this.#handle?.extend(diesAtMs);
    this.#cancelDeath?.();
    this.#cancelDeath = this.#context.clock.schedule(diesAtMs, () => this.#expire());
    if (this.#isShortLived) return;
    this.#next(askedMs + lifeMs * refreshFraction, () => {
      if (this.#isDue()) this.#startRefresh(1);
      else this.#lookAgain(askedMs + lifeMs * lastLookFraction);
    });
  }

  #lookAgain(atMs: number): void {
    this.#next(atMs, () => this.#isDue() && this.#startRefresh(1));
  }

  /** In use since its last unwrap, and not about to be relieved. */
  #isDue(): boolean {
    const sinceMs = Math.max(this.#unwrapTimeMs, this.#retireTimeMs, this.#sealedUntilMs());
    return (this.#handle?.lastUseMs ?? 0) > sinceMs && !this.#owner.isRelieved(this);
  }

  /**
   * When its six hours were over, with the moment in which its tail is delivered: also where nobody
   * here seals with it, the next one has taken over by then. Monotonic; -Infinity: they are not.
   */
  #sealedUntilMs(): number {
    const { clock } = this.#context;
    const endedMs = clock.wallMs() - this.row.sealFromMs - rotationMs;
    return endedMs < 0 ? -Infinity : clock.monotonicMs() - endedMs + retiredGraceMs;
  }

  #next(atMs: number, task: () => void): void {
    this.#cancelNext?.();
    this.#cancelNext = this.#context.clock.schedule(atMs, task);
  }

  #startRefresh(attempt: number): void {
    void this.#refresh(attempt);
  }

  /** Never rejects: a refresh that fails shows in the life of the DEK. */
  async #refresh(attempt: number): Promise<void> {
    this.#cancelNext?.();
    const generation = this.#generation;
    const { row } = this;
    const askedMs = this.#context.clock.monotonicMs();
    const answer = await this.#ask('CUSTOMER_INITIATED_ACCESS');
    if (!(answer instanceof RpcError)) answer.key.destroy();
    if (generation !== this.#generation) return;
    if (!(answer instanceof RpcError)) {
      this.#confirmed(askedMs, this.#deathMs(askedMs, answer.cacheMs));
    } else if (row !== this.row) this.#startRefresh(attempt);
    else if (isUnreachable(answer)) this.#retry(attempt);
    else {
      this.evict('refused');
      this.#refused(answer);
    }
  }

  #retry(attempt: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    // The last try comes a second before the end, so that an outage of under a minute is bridged.
    const lastMs = this.diesAtMs - 1_000;
    const nextMs = nowMs + backoffMs(refreshBackoffMs, attempt);
    if (nowMs < lastMs) this.#next(Math.min(nextMs, lastMs), () => this.#startRefresh(attempt + 1));
  }

  #expire(): void {
    if (this.#isShortLived) {
      this.evict('ownerLimit');
      this.#owner.idled(this);
      return;
    }
    const isInUse = this.#isDue();
    this.evict(isInUse ? 'unreachable' : 'idle');
    if (isInUse) this.#owner.failed(this);
    else this.#owner.idled(this);
  }
}
