import { backoffMs, assert, type Cancel, draw } from '../../runtime/index.ts';
import type { CachedDek } from './dek-cached.ts';
import { type DekContext, pause } from './dek-context.ts';
import type { DekHandle } from './dek-handle.ts';
import {
  ceilingMs,
  coldRetryMs,
  leadMs,
  leadSpreadMs,
  refreshMs,
  rotationBackoffMs,
  rotationMs,
} from './dek-limits.ts';
import { type DekHost, DekMaker } from './dek-maker.ts';
import { isUnreachable, topicGone } from './dek-refusal.ts';

/** A DEK for sealing that is being loaded or made, for all who ask under the same key. */
interface Choice {
  readonly turn: number;
  readonly keyName: string;
  readonly dek: Promise<DekHandle>;
}

/**
 * Which DEK a topic seals with, and when the next one takes over: at six hours, at a cap, at once
 * when the topic's key or its primary version changed.
 *
 * The next DEK is made in the background before it is due. While the key service cannot be reached
 * the old one goes on, to twelve hours at most; a refusal stops sealing when the old one is due.
 */
export class DekRotation {
  readonly #context: DekContext;
  readonly #host: DekHost;
  readonly #maker: DekMaker;
  #current: CachedDek | null = null;
  /** The handle of `#current` while it may be handed out without a further look. */
  #ready: DekHandle | null = null;
  #successor: CachedDek | null = null;
  #markMs = 0;
  #isSuperseded = false;
  /** The next DEK could not be made: the current one goes on past its mark. */
  #isOvertime = false;
  #lastSealMs = -Infinity;
  #choosing: Choice | null = null;
  #turn = 0;
  #cancelMark: Cancel | null = null;
  #cancelPrepare: Cancel | null = null;

  constructor(context: DekContext, host: DekHost) {
    this.#context = context;
    this.#host = host;
    this.#maker = new DekMaker(context, host);
  }

  /** The DEK to seal with under `keyName`: itself when warm. */
  forSeal(keyName: string): DekHandle | Promise<DekHandle> {
    const ready = this.#ready;
    const isFit = ready !== null && this.#current?.row.kekName === keyName && !ready.tally.isSpent;
    if (isFit && ready.use()) {
      this.#lastSealMs = ready.lastUseMs;
      return ready;
    }
    const current = this.#current;
    const warm = current?.warm ?? null;
    if (warm === null || !this.#maySeal(current!, keyName)) return this.#choose(keyName);
    this.#ready = warm;
    return this.forSeal(keyName);
  }

  /** The topic's highest stored DEK, whether it is known already or not; null if it has none. */
  async newest(): Promise<CachedDek | null> {
    return this.#current ?? this.#maker.newest();
  }

  /** Whether it seals now, or will next: it must stay where key changes find it. */
  holds(dek: CachedDek): boolean {
    return dek === this.#current || dek === this.#successor;
  }

  /** The next DEK will seal before this one dies, so this one need not be unwrapped again. */
  isRelieved(dek: CachedDek): boolean {
    if (dek !== this.#current || this.#isOvertime || !this.#isSealing) return false;
    return this.#nowMs <= this.#markMs && this.#markMs <= dek.diesAtMs;
  }

  /** The primary version of `dek`'s key changed: if it seals, the next seal uses a new one. */
  supersede(dek: CachedDek): void {
    if (dek === this.#successor) this.#successor = null;
    if (dek !== this.#current) return;
    this.#isSuperseded = true;
    this.#isOvertime = false;
    this.#ready = null;
  }

  clearRefusal(): void {
    this.#maker.clearRefusal();
  }

  /** A cap is near: the next DEK takes over as soon as it is stored. */
  nearCap(version: number): void {
    if (this.#current?.row.version === version) void this.#prepare(this.#context.clock.wallMs(), 1);
  }

  /** Resolves when nothing is being made any more. */
  close(): Promise<void> {
    this.#cancelMark?.();
    this.#cancelPrepare?.();
    this.#ready = null;
    return this.#maker.settled();
  }

  get #nowMs(): number {
    return this.#context.clock.monotonicMs();
  }

  get #ceilingMs(): number {
    return this.#markMs + ceilingMs - rotationMs;
  }

  get #isSealing(): boolean {
    return this.#nowMs - this.#lastSealMs <= refreshMs;
  }

  #choose(keyName: string): Promise<DekHandle> {
    if (this.#choosing?.keyName === keyName) return this.#choosing.dek;
    const turn = ++this.#turn;
    const dek = this.#chosenAfter(this.#choosing?.dek, keyName, turn);
    this.#choosing = { turn, keyName, dek };
    return dek;
  }

  async #chosenAfter(
    before: Promise<DekHandle> | undefined,
    keyName: string,
    turn: number,
  ): Promise<DekHandle> {
    // At least one turn, so that `#choosing` is this choice by the time it is over.
    await before?.catch(() => undefined);
    try {
      return await this.#chosen(keyName);
    } finally {
      // Before anybody resumes: who asks next must not get an answer from before a key change.
      if (this.#choosing?.turn === turn) this.#choosing = null;
    }
  }

  async #chosen(keyName: string): Promise<DekHandle> {
    for (;;) {
      if (this.#host.isClosed) throw topicGone(this.#host.topic, this.#context.isClosed);
      const current = this.#current ?? (await this.#loadNewest());
      if (current && this.#maySeal(current, keyName)) {
        const dek = await current.get('CUSTOMER_INITIATED_ACCESS');
        if (!dek.isAlive) continue;
        if (this.#current === current && !this.#isSuperseded) this.#ready = dek;
        this.#lastSealMs = this.#nowMs;
        return dek;
      }
      if (this.#successor?.row.kekName === keyName) this.#install(this.#successor);
      else await this.#makeNow(current, keyName);
    }
  }

  async #loadNewest(): Promise<CachedDek | null> {
    const newest = await this.#maker.newest();
    if (newest === null) return null;
    this.#install(newest);
    const changeMs = this.#host.primaryChangeMs(newest.row.kekName);
    if (newest.row.createTimeMs <= changeMs) this.supersede(newest);
    return newest;
  }

  /** A DEK past its time may seal only while the key service cannot be reached to make the next. */
  #maySeal(dek: CachedDek, keyName: string): boolean {
    if (dek.row.kekName !== keyName || dek.tally.isSpent) return false;
    const isDue = this.#isSuperseded || this.#nowMs >= this.#markMs;
    return !isDue || (this.#isOvertime && this.#nowMs < this.#ceilingMs);
  }

  /** Makes a DEK while a request waits for it. */
  async #makeNow(current: CachedDek | null, keyName: string): Promise<void> {
    const canGoOn = current?.row.kekName === keyName && !current.tally.isSpent;
    for (let attempt = 0; ; attempt++) {
      try {
        const sealFromMs = this.#context.clock.wallMs();
        const order = { keyName, reason: 'CUSTOMER_INITIATED_ACCESS' as const, sealFromMs };
        this.#install(await this.#maker.make(order));
        return;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        if (canGoOn && this.#nowMs < this.#ceilingMs) return this.#goOn(1);
        const waitMs = coldRetryMs[attempt];
        if (waitMs === undefined) throw this.#maker.refuse(error);
        await pause(this.#context.clock, waitMs);
      }
    }
  }

  #install(dek: CachedDek): void {
    const { clock, entropy } = this.#context;
    if (this.#current !== dek) this.#current?.retire();
    this.#current = dek;
    this.#successor = null;
    this.#isSuperseded = false;
    this.#isOvertime = false;
    const leftMs = dek.row.sealFromMs + rotationMs - clock.wallMs();
    this.#ready = leftMs > 0 ? dek.warm : null;
    // Bounded, so that a wall clock that was set back cannot lengthen the six hours.
    this.#markMs = this.#nowMs + Math.min(leftMs, rotationMs + leadMs);
    this.#cancelMark?.();
    this.#cancelPrepare?.();
    if (leftMs <= 0) return;
    this.#cancelMark = clock.schedule(this.#markMs, () => this.#onMark());
    const spreadMs = (draw(entropy, 1)[0]! / 256) * leadSpreadMs;
    this.#prepareAt(this.#markMs - leadMs + spreadMs, dek.row.sealFromMs + rotationMs, 1);
  }

  #onMark(): void {
    if (this.#successor) this.#install(this.#successor);
    else if (this.#maker.isBusy || this.#isOvertime) this.#armCeiling();
    else this.#ready = null;
  }

  #armCeiling(): void {
    this.#cancelMark?.();
    this.#cancelMark = this.#context.clock.schedule(this.#ceilingMs, () => {
      this.#isOvertime = false;
      this.#ready = null;
    });
  }

  #prepareAt(atMs: number, sealFromMs: number, attempt: number): void {
    this.#cancelPrepare?.();
    this.#cancelPrepare = this.#context.clock.schedule(atMs, () => {
      if (this.#isSealing) void this.#prepare(sealFromMs, attempt);
      else this.#stopOvertime();
    });
  }

  /** Nobody seals any more: the next one who does waits for a new DEK. */
  #stopOvertime(): void {
    if (this.#isOvertime) this.#ready = null;
    this.#isOvertime = false;
  }

  /** Makes the next DEK in the background. Never rejects. */
  async #prepare(sealFromMs: number, attempt: number): Promise<void> {
    const current = this.#current;
    if (current === null || this.#host.isClosed) return;
    const { kekName: keyName } = current.row;
    const reason = 'GOOGLE_INITIATED_SYSTEM_OPERATION';
    try {
      const next = await this.#maker.make({ keyName, reason, sealFromMs });
      if (this.#current === current) this.#prepared(next);
    } catch (error) {
      this.#unprepared(error, current, attempt);
    }
  }

  #prepared(next: CachedDek): void {
    const isWanted = this.#isOvertime || this.#nowMs >= this.#markMs;
    if (isWanted || next.row.sealFromMs <= this.#context.clock.wallMs()) this.#install(next);
    else this.#successor = next;
  }

  #unprepared(error: unknown, current: CachedDek, attempt: number): void {
    if (this.#host.isClosed || this.#current !== current) return;
    const { name } = this.#host.topic;
    this.#context.log.warn({ topic: name, attempt, err: error }, 'the next DEK could not be made');
    if (isUnreachable(error)) {
      this.#goOn(attempt);
      return;
    }
    // The refusal may be about the key as a whole: the DEK in use is asked about at once.
    if (this.#nowMs >= this.#markMs) this.#ready = null;
    current.confirmNow();
  }

  /** The current DEK goes on past its mark, and is confirmed as long as it does. */
  #goOn(attempt: number): void {
    const current = this.#current;
    assert(current !== null, 'there is a DEK that can go on');
    if (!this.#isOvertime) current.confirmNow();
    this.#isOvertime = true;
    if (this.#nowMs >= this.#markMs) this.#armCeiling();
    const nextMs = this.#nowMs + backoffMs(rotationBackoffMs, attempt);
    const sealFromMs = current.row.sealFromMs + rotationMs;
    this.#prepareAt(nextMs, Math.max(sealFromMs, this.#context.clock.wallMs()), attempt + 1);
  }
}
