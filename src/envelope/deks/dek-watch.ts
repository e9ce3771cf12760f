import { backoffMs, type Cancel, type Clock } from '../../runtime/index.ts';
import type { DekEvent } from '../dek.ts';
import { watchBackoffMs } from './dek-limits.ts';

/**
 * Which of a topic's DEKs were refused, and when that is over. Says `revoked` once when the topic's
 * newest DEK fails (again if another one is the newest by then), `restored` when one that had failed answers again, and keeps asking, ever more
 * rarely, so that those who wait need not.
 */
export class DekWatch {
  readonly #clock: Clock;
  readonly #tell: (kind: DekEvent['kind']) => void;
  readonly #ask: (version: number) => void;
  readonly #failing = new Set<number>();
  #revokedVersion: number | null = null;
  #attempt = 0;
  #cancel: Cancel | null = null;

  /** `ask` has a version unwrapped; its outcome comes back through `failed` or `answered`. */
  constructor(
    clock: Clock,
    tell: (kind: DekEvent['kind']) => void,
    ask: (version: number) => void,
  ) {
    this.#clock = clock;
    this.#tell = tell;
    this.#ask = ask;
  }

  isFailing(version: number): boolean {
    return this.#failing.has(version);
  }

  get isFailingAny(): boolean {
    return this.#failing.size > 0;
  }

  failed(version: number, isNewest: boolean): void {
    this.#failing.add(version);
    this.#askLater();
    if (!isNewest || this.#revokedVersion === version) return;
    this.#revokedVersion = version;
    this.#tell('revoked');
  }

  answered(version: number): void {
    if (!this.#failing.delete(version)) return;
    if (version === this.#revokedVersion) this.#revokedVersion = null;
    if (this.#failing.size === 0) this.stop();
    else this.#askLater();
    this.#tell('restored');
  }

  /** Asks about the newest failing DEK of these now: a change of their key was announced. */
  askNow(versions: readonly number[]): void {
    const failing = versions.filter((version) => this.#failing.has(version));
    if (failing.length === 0) return;
    this.stop();
    this.#ask(Math.max(...failing));
  }

  /** Its row is erased: nobody asks about it any more. */
  forget(version: number): void {
    if (!this.#failing.delete(version)) return;
    if (version === this.#revokedVersion) this.#revokedVersion = null;
    if (this.#failing.size === 0) this.stop();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#attempt = 0;
  }

  #askLater(): void {
    if (this.#cancel) return;
    this.#attempt++;
    const atMs = this.#clock.monotonicMs() + backoffMs(watchBackoffMs, this.#attempt);
    this.#cancel = this.#clock.schedule(atMs, () => {
      this.#cancel = null;
      if (this.#failing.size > 0) this.#ask(Math.max(...this.#failing));
    });
  }
}
