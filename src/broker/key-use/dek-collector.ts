import type { Cancel } from '../../runtime/index.ts';
import type { Registry } from '../registry.ts';
import type { TopicState } from '../topic-state.ts';
import { unreadable } from './lane-use.ts';

/** Between two topics: what is erased is little, and never in a hurry. */
const pauseMs = 20;
/** So many DEKs of one topic in one go. */
const spentMax = 100;

/**
 * Erases DEKs with their last message: those that nothing stored names any more. The newest one of
 * a topic always stays, so that no version is ever given out twice. Needs no key.
 */
export class DekCollector {
  readonly #registry: Registry;
  readonly #waiting = new Set<TopicState>();
  /** The trim and the count of rows at which nothing was left to erase. */
  readonly #swept = new WeakMap<TopicState, { readonly trim: number; readonly newest: number }>();
  #working: Promise<void> | null = null;
  #cancelPause: Cancel = () => undefined;
  #endPause: () => void = () => undefined;
  #isClosed = false;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Its log may have been trimmed. Returns at once; the work is done in the background. */
  wake(topic: TopicState): void {
    if (this.#isClosed) return;
    this.#waiting.add(topic);
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  /** Resolves when nothing is being erased. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    this.#cancelPause();
    this.#endPause();
    await this.#working;
  }

  async #work(): Promise<void> {
    for (const topic of this.#waiting) {
      this.#waiting.delete(topic);
      const { log } = this.#registry.ports;
      const isBusy = await this.#collect(topic).catch((error: unknown) => {
        log.warn({ err: error, topic: topic.row.name }, 'DEKs without messages were not erased');
        return false;
      });
      if (isBusy) await this.#pause();
      if (this.#isClosed) return;
    }
  }

  /** True if it read anything. */
  async #collect(topic: TopicState): Promise<boolean> {
    const { deks, store } = this.#registry.ports;
    const [tail] = await store.tails([topic.lane.appender.log]);
    const newest = topic.use.newestVersion;
    const swept = this.#swept.get(topic);
    if (swept?.trim === tail!.trim && swept.newest === newest) return false;
    const stored = (await deks.storedOf(topic.key.topic)).map(({ version }) => version);
    const isDone = stored.length < 2 || (await this.#erase(topic, stored.slice(0, -1)));
    if (isDone) this.#swept.set(topic, { trim: tail!.trim, newest });
    return true;
  }

  /** False if there may be more. `versions`: all stored ones, but the newest. */
  async #erase(topic: TopicState, versions: readonly number[]): Promise<boolean> {
    const { use } = topic;
    const tail = await use.complete();
    const named = use.namedFrom(tail);
    if (named === null) return false;
    // A segment whose DEK cannot be told may need any of them, once it is repaired.
    if (named.has(unreadable)) return true;
    const spent = versions.filter((version) => !named.has(version));
    const now = spent.slice(0, spentMax);
    if (now.length === 0) return true;
    const sealed = (version: number): number | null => use.sealedCount(version, tail.next);
    const erased = await this.#registry.ports.deks.erase(
      topic.key.topic,
      now.map((version) => ({ version, sealedMessageCount: sealed(version) })),
    );
    for (const version of erased) await use.forget(version);
    return erased.length === spent.length;
  }

  #pause(): Promise<void> {
    const { clock } = this.#registry.ports;
    return new Promise((resolve) => {
      this.#endPause = resolve;
      this.#cancelPause = clock.schedule(clock.monotonicMs() + pauseMs, resolve);
    });
  }
}
