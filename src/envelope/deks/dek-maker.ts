import type { AccessReason } from '../../kms/index.ts';
import { assert } from '../../runtime/index.ts';
import type { SealedTopic } from '../dek.ts';
import type { CachedDek } from './dek-cached.ts';
import type { DekContext } from './dek-context.ts';
import { refusalMs } from './dek-limits.ts';
import { isUnreachable, topicGone } from './dek-refusal.ts';
import { type DekRow, hasNextVersion } from './dek-row.ts';
import { type WrappedDek, wrapNewDek } from './dek-wrapping.ts';

/** The topic's DEKs, as those that make and choose one see them. */
export interface DekHost {
  readonly topic: SealedTopic;
  /** Raised when a change of a key touched the topic: what was asked before no longer counts. */
  readonly generation: number;
  readonly isClosed: boolean;
  stored(version: number): Promise<CachedDek>;
  admit(row: DekRow): CachedDek;
  /** When a new primary version of the key was last announced to this process; wall, ms. */
  primaryChangeMs(keyName: string): number;
}

/** Under which key a DEK is made, and for whom; `sealFromMs` is the start of its six hours. */
export interface DekOrder {
  readonly keyName: string;
  readonly reason: AccessReason;
  readonly sealFromMs: number;
}

/** When the key service was asked, and before which changes of keys. */
interface Asked {
  readonly timeMs: number;
  readonly generation: number;
}

/**
 * Makes a topic's DEKs, one at a time: drawn, wrapped, proven, stored, and only then handed out.
 *
 * Versions count up by compare-and-set: where another process was first, its row is what counts.
 */
export class DekMaker {
  readonly #context: DekContext;
  readonly #host: DekHost;
  #newestVersion: number | null = null;
  #making: Promise<CachedDek> | null = null;
  #refusal: { readonly error: unknown; readonly untilMs: number } | null = null;

  constructor(context: DekContext, host: DekHost) {
    this.#context = context;
    this.#host = host;
  }

  get isBusy(): boolean {
    return this.#making !== null;
  }

  /** The topic's highest stored version; null if it has none. */
  async newest(): Promise<CachedDek | null> {
    const version = await this.#newest();
    return version === 0 ? null : this.#host.stored(version);
  }

  /** Whoever comes while one is being made gets that one, whatever was ordered. */
  make(order: DekOrder): Promise<CachedDek> {
    this.#making ??= this.#made(order).finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  /** Keeps `error` as the answer for a moment and returns it. */
  refuse(error: unknown): unknown {
    this.#refusal = { error, untilMs: this.#context.clock.monotonicMs() + refusalMs };
    return error;
  }

  clearRefusal(): void {
    this.#refusal = null;
  }

  /** Resolves when nothing is being made any more. */
  async settled(): Promise<void> {
    await this.#making?.catch(() => undefined);
  }

  async #newest(): Promise<number> {
    this.#newestVersion ??= await this.#context.rows.newestVersion(this.#host.topic);
    return this.#newestVersion;
  }

  async #made(order: DekOrder): Promise<CachedDek> {
    const refusal = this.#refusal;
    if (refusal && this.#context.clock.monotonicMs() < refusal.untilMs) throw refusal.error;
    for (;;) {
      const newest = await this.#newest();
      if (this.#host.isClosed) throw topicGone(this.#host.topic, this.#context.isClosed);
      assert(hasNextVersion(newest), 'a topic has no DEK versions left');
      const asked = {
        timeMs: this.#context.clock.monotonicMs(),
        generation: this.#host.generation,
      };
      const made = await this.#wrapped(order, newest + 1, asked);
      if (made) return this.#stored(made, asked);
    }
  }

  /** Null if a key changed meanwhile: neither a DEK nor a refusal from before it counts. */
  async #wrapped(
    order: DekOrder,
    version: number,
    { generation }: Asked,
  ): Promise<WrappedDek | null> {
    const { topic } = this.#host;
    const isStale = (): boolean => generation !== this.#host.generation || this.#host.isClosed;
    const suite = this.#context.providers.preferred.suite;
    const createTimeMs = this.#context.clock.wallMs();
    const identity = { version, suite, createTimeMs, sealFromMs: order.sealFromMs };
    try {
      const made = await wrapNewDek(this.#context, topic, order, identity);
      if (!isStale()) return made;
      made.key.destroy();
      return null;
    } catch (error) {
      if (isStale()) return null;
      throw isUnreachable(error) ? error : this.refuse(error);
    }
  }

  /** The row is durable before the key is in anybody's hands. */
  async #stored(made: WrappedDek, { timeMs, generation }: Asked): Promise<CachedDek> {
    const { version } = made.row;
    let isStored = false;
    try {
      isStored = await this.#context.rows.insert(made.row);
      this.#newestVersion = version;
      if (!isStored) return await this.#host.stored(version);
    } finally {
      if (!isStored) made.key.destroy();
    }
    this.#context.failpoints('afterDekStored');
    const dek = this.#host.admit(made.row);
    if (generation === this.#host.generation && !this.#host.isClosed) dek.adopt(made, timeMs);
    else made.key.destroy();
    return dek;
  }
}
