import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { Pager, type KeysAfter } from './page-token.ts';
import type { PageRequest } from '../service.ts';
import { SortedMap } from './sorted-map.ts';

const pagerOf = (key: string): Pager =>
  new Pager((input, out) => {
    out.set(createHmac('sha256', key).update(input).digest().subarray(0, out.length));
  });
const pager = pagerOf('a test key');

const listed = (keys: readonly string[]): KeysAfter => {
  const map = new SortedMap<null>();
  for (const key of keys) map.set(key, null);
  return (after, limit) => map.namesAfter('', after, limit);
};
const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `topic-${String(i).padStart(4, '0')}`);
const first = (pageSize: number): PageRequest => ({ pageSize, pageToken: '' });

test('all pages together are the list, in order and without repetition', () => {
  const keys = names(250).toReversed();
  const seen: string[] = [];
  let pageToken = '';
  do {
    const { items, nextPageToken } = pager.page('topics', listed(keys), {
      pageSize: 30,
      pageToken,
    });
    seen.push(...items);
    pageToken = nextPageToken;
  } while (pageToken !== '');
  expect(seen).toEqual(names(250));
});

test.each([
  [0, 250, 100, true],
  [1, 3, 1, true],
  [3, 3, 3, false],
  [1_000, 1_000, 1_000, false],
  [1_000, 1_001, 1_000, true],
  [10, 0, 0, false],
])('a page size of %i over %i keys gives %i; more: %s', (pageSize, count, given, hasMore) => {
  const { items, nextPageToken } = pager.page('topics', listed(names(count)), first(pageSize));
  expect([items.length, nextPageToken !== '']).toEqual([given, hasMore]);
});

test.each([-1, 1_001])('a page size of %i is refused', (pageSize) => {
  expect(() => pager.page('topics', listed([]), first(pageSize))).toThrow(
    `You have passed an invalid argument to the service (argument=page_size: ${pageSize}, valid values are between 0 and 1000).`,
  );
});

test('a token survives inserts before and after it, and the end of its own key', () => {
  const { nextPageToken: pageToken } = pager.page('topics', listed(['b', 'd', 'f']), first(2));
  const page = pager.page('topics', listed(['a', 'b', 'e', 'f']), { pageSize: 2, pageToken });
  expect(page).toEqual({ items: ['e', 'f'], nextPageToken: '' });
});

describe('a token that was not given for this list', () => {
  const { nextPageToken } = pager.page('topics of p', listed(['ä', 'b']), first(1));
  const changed = (at: number): string => {
    const other = nextPageToken[at] === 'A' ? 'B' : 'A';
    return nextPageToken.slice(0, at) + other + nextPageToken.slice(at + 1);
  };

  test.each([
    ['made for another list', 'topics of q', nextPageToken],
    ['changed at its start', 'topics of p', changed(0)],
    ['changed at its end', 'topics of p', changed(nextPageToken.length - 2)],
    ['cut off', 'topics of p', nextPageToken.slice(0, 12)],
    ['nonsense', 'topics of p', 'nonsense'],
    ['not UTF-8', 'topics of p', Buffer.alloc(40, 0xff).toString('base64url')],
    [
      'made with another key',
      'topics of p',
      pagerOf('x').page('topics of p', listed(['a', 'b']), first(1)).nextPageToken,
    ],
  ])('%s, is refused by name', (_, list, pageToken) => {
    expect(() => pager.page(list, listed(['b']), { pageSize: 1, pageToken })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_PAGE_TOKEN',
        message: `Invalid page token given (token=${pageToken}).`,
      }),
    );
  });

  test('is shown up to 200 characters', () => {
    const pageToken = 'x'.repeat(5_000);
    expect(() => pager.page('topics', listed([]), { pageSize: 1, pageToken })).toThrow(
      `Invalid page token given (token=${'x'.repeat(200)}…).`,
    );
  });
});
