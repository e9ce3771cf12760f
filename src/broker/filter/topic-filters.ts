import { bitmapBytes, type FilterSection } from '../../envelope/index.ts';
import type { SealableMessage } from '../service.ts';
import { AttributeValues } from './attribute-values.ts';
import { compileTest } from './filter.ts';

/** What the filters of a topic say about the messages of one segment. */
export interface Evaluation {
  readonly section: FilterSection;
  /** How many of the messages match, for each of the section's slots. */
  readonly counts: readonly number[];
}

/** What a subscription's row says about its filter. */
export interface FilterUse {
  readonly filter?: string;
  /** Names the filter's text among those of the topic; absent: it is not evaluated at publish. */
  readonly filterSlot?: number;
}

/** Filters that are evaluated on each message that is published, at most. */
const slotsMax = 64;

/**
 * The distinct filters of a topic's subscriptions, evaluated together while messages are in the
 * clear. A slot stands for one text for ever; subscriptions with equal texts share it.
 */
export class TopicFilters {
  /** The filters in use, by slot. */
  readonly #used = new Map<number, { readonly text: string; userCount: number }>();
  /** Made anew after a change; null: nothing is filtered. */
  #evaluator: Evaluator | null = null;
  #isStale = false;

  join({ filter, filterSlot }: FilterUse): void {
    if (filter === undefined || filterSlot === undefined) return;
    const used = this.#used.get(filterSlot);
    if (used !== undefined) {
      used.userCount++;
      return;
    }
    this.#used.set(filterSlot, { text: filter, userCount: 1 });
    this.#isStale = true;
  }

  leave({ filterSlot }: FilterUse): void {
    const used = filterSlot === undefined ? undefined : this.#used.get(filterSlot);
    if (filterSlot === undefined || used === undefined || --used.userCount > 0) return;
    this.#used.delete(filterSlot);
    this.#isStale = true;
  }

  /**
   * The slot of a new subscription's filter: that of an equal text, else `next`, which was never
   * used; undefined if there are as many as may be.
   */
  slotFor(text: string, next: number): number | undefined {
    for (const [slot, used] of this.#used) if (used.text === text) return slot;
    return this.#used.size < slotsMax ? next : undefined;
  }

  /** Null if nothing is filtered. */
  evaluate(messages: readonly SealableMessage[]): Evaluation | null {
    if (this.#isStale) this.#renew();
    return this.#evaluator === null ? null : this.#evaluator.evaluate(messages);
  }

  #renew(): void {
    this.#isStale = false;
    const texts = new Map([...this.#used].map(([slot, { text }]) => [slot, text]));
    this.#evaluator = texts.size === 0 ? null : new Evaluator(texts);
  }
}

/** Reads each message once for all filters. */
class Evaluator {
  readonly #values = new AttributeValues();
  readonly #slots: readonly number[];
  readonly #tests: readonly (() => boolean)[];

  constructor(texts: ReadonlyMap<number, string>) {
    this.#slots = [...texts.keys()];
    this.#tests = [...texts.values()].map((text) => compileTest(text, this.#values));
  }

  evaluate(messages: readonly SealableMessage[]): Evaluation {
    const stride = bitmapBytes(messages.length);
    const bits = new Uint8Array(this.#slots.length * stride);
    const counts = this.#slots.map(() => 0);
    for (let i = 0; i < messages.length; i++) {
      this.#values.read(messages[i]!.bytes);
      for (let f = 0; f < this.#tests.length; f++) {
        if (!this.#tests[f]!()) continue;
        bits[f * stride + (i >> 3)]! |= 1 << (i & 7);
        counts[f]!++;
      }
    }
    return { section: { slots: this.#slots, bits }, counts };
  }
}
