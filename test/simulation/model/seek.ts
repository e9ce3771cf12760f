import type { Entry, Now } from './message.ts';
import type { ModelSubscription } from './subscription.ts';

/** What a snapshot holds: each message as it stood when the snapshot was made. */
export class ModelSnapshot {
  readonly name: string;
  readonly source: ModelSubscription;
  readonly #fates = new Map<string, Entry['fate']>();

  constructor(name: string, source: ModelSubscription) {
    this.name = name;
    this.source = source;
    for (const { message, fate, isAhead } of source.entries.values()) {
      this.#fates.set(message.text, isAhead ? 'doubtful' : fate);
    }
  }

  /** Made while acknowledgements went on: what changed since is not known. */
  made(isBlurred: boolean): void {
    for (const { message, fate, isAhead } of this.source.entries.values()) {
      const before = this.#fates.get(message.text);
      const isSame = before === undefined || (before === fate && !isAhead && !isBlurred);
      if (!isSame) this.#fates.set(message.text, 'doubtful');
    }
  }

  /** Undefined: published since. */
  fateOf(entry: Entry): Entry['fate'] | undefined {
    return this.#fates.get(entry.message.text);
  }
}

/** Where a seek goes, and so what each message becomes. */
export interface SeekGoal {
  fateAfter(entry: Entry, subscription: ModelSubscription, now: Now): Entry['fate'];
}

/** Published before: acknowledged. At the time or after it: owed, if it is still there. */
export class SeekToTime implements SeekGoal {
  readonly #timeMs: number;
  readonly #early: ReadonlySet<string>;

  /** `early`: what was surely published when the seek was called. */
  constructor(timeMs: number, early: ReadonlySet<string>) {
    this.#timeMs = timeMs;
    this.#early = early;
  }

  fateAfter(entry: Entry, subscription: ModelSubscription, now: Now): Entry['fate'] {
    const { earliestMs, latestMs, text, id } = entry.message;
    if (latestMs < this.#timeMs) {
      // A purge is an act, not a state: what is published after it is delivered.
      return this.#early.has(text) && id !== undefined ? 'done' : 'doubtful';
    }
    if (earliestMs < this.#timeMs || id === undefined) return 'doubtful';
    const isThere = !subscription.isPast(entry, now.wallMs);
    if (entry.fate === 'owed' && !entry.isAhead) return isThere ? 'owed' : 'doubtful';
    const isKept = subscription.isKept(entry, now) && !entry.isPerhapsTrimmed;
    return isThere && isKept ? 'owed' : 'doubtful';
  }
}

export class SeekToSnapshot implements SeekGoal {
  readonly #snapshot: ModelSnapshot;

  constructor(snapshot: ModelSnapshot) {
    this.#snapshot = snapshot;
  }

  fateAfter(entry: Entry, subscription: ModelSubscription, { wallMs }: Now): Entry['fate'] {
    const { id } = entry.message;
    const fate = this.#snapshot.fateOf(entry);
    const isThere = !subscription.isPast(entry, wallMs) && id !== undefined;
    // Of a dead letter nobody knows when it was published before it is seen.
    if (fate === undefined && subscription.topic.hasCopies) return 'doubtful';
    if (fate === undefined) return isThere && this.#sawAll(entry) ? 'owed' : 'doubtful';
    return fate === 'owed' && !isThere ? 'doubtful' : fate;
  }

  /** The source's filter may have kept a message from the snapshot. */
  #sawAll({ message }: Entry): boolean {
    return this.#snapshot.source.terms.filter.matches(message.attributes);
  }
}

/** From here until the answer nobody can say on which side of the seek a delivery or an ack was. */
export function seekCalled(subscription: ModelSubscription): void {
  subscription.seeking++;
  subscription.hasVoided = true;
  subscription.wasSought = true;
  if (subscription.seeking > 1) return;
  for (const entry of subscription.entries.values()) entry.isTouched = false;
}

/** Every ack id from before names nothing; every message stands where the goal says. */
export function sought(subscription: ModelSubscription, goal: SeekGoal, now: Now): void {
  subscription.seeking--;
  subscription.generation++;
  for (const entry of subscription.entries.values()) {
    const fate = goal.fateAfter(entry, subscription, now);
    const wasTouched = entry.isTouched;
    entry.isAhead = false;
    entry.request = null;
    entry.failures = [0, entry.failures[1]];
    entry.notBeforeMs = 0;
    entry.isExhausted = false;
    entry.isDurable = fate === 'done';
    entry.fate = wasTouched ? 'doubtful' : fate;
    entry.lease = wasTouched && entry.lease ? { ...entry.lease, isCertain: false } : null;
  }
}

/** It was refused, and whether anything happened is known: nothing. */
export function seekRefused(subscription: ModelSubscription): void {
  subscription.seeking--;
}

/** What a seek of unknown fate adds to the generation: ids of before may be of now. */
export const perhaps: number = 1 / 1024;

/** Its answer never came, or was the disk's. */
export function seekUnanswered(subscription: ModelSubscription): void {
  subscription.seeking--;
  // Neither the old generation nor a new one: ids of either may count.
  subscription.generation += perhaps;
  subscription.isTorn = true;
  subscription.blur();
}
