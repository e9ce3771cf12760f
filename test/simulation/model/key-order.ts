import { assert } from '../../../src/runtime/index.ts';
import type { Entry, Taker } from './message.ts';

const isOfKey = (one: Entry, other: Entry): boolean =>
  one !== other && one.message.key === other.message.key && one.message.key !== '';

const isBefore = (one: Entry, other: Entry): boolean =>
  one.message.id !== undefined &&
  other.message.id !== undefined &&
  one.message.id < other.message.id;

/** Messages of the same key, ascending, that were published before it. */
export function earlierOf(entry: Entry, entries: Iterable<Entry>): Entry[] {
  return sorted([...entries].filter((each) => isOfKey(each, entry) && isBefore(each, entry)));
}

export function laterOf(entry: Entry, entries: Iterable<Entry>): Entry[] {
  return sorted([...entries].filter((each) => isOfKey(each, entry) && isBefore(entry, each)));
}

const sorted = (entries: Entry[]): Entry[] => entries.toSorted((a, b) => (isBefore(a, b) ? -1 : 1));

/** The same subscriber: itself, or the stream that came back with its client id. */
export const isSameTaker = (one: Taker, other: Taker): boolean =>
  one === other ||
  (one.kind === 'stream' &&
    other.kind === 'stream' &&
    !one.isOpen &&
    one.clientId !== '' &&
    one.clientId === other.clientId);

/**
 * A message of a key comes only while every earlier one that is not acknowledged is outstanding
 * with the very same taker; to an endpoint of push, only while there is none.
 */
export function assertInOrder(
  entry: Entry,
  taker: Taker,
  at: { entries: Iterable<Entry>; mayBeGone: (entry: Entry) => boolean },
): void {
  for (const earlier of earlierOf(entry, at.entries)) {
    if (earlier.fate !== 'owed' || earlier.isAhead || at.mayBeGone(earlier)) continue;
    const { lease } = earlier;
    if (lease?.isCertain === false) continue;
    const name = `${entry.message.text} of key ${entry.message.key}`;
    assert(lease !== null, `${name} came before ${earlier.message.text}, which waits`);
    const isAllowed = isSameTaker(lease.taker, taker) && taker.kind !== 'push';
    assert(isAllowed, `${name} went elsewhere while ${earlier.message.text} was outstanding`);
  }
}
