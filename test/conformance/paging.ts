import { expect, test } from 'vitest';

import { freshId, LiveApi } from '../support/live-api.ts';
import type { Rpc } from '../support/rpc-bindings.ts';
import { badArgument, invalid } from './expected-refusals.ts';

/** One list method, and how to make and remove what it lists. */
export interface Listing {
  readonly rpc: Rpc;
  /** Field of the answer. */
  readonly field: string;
  /** What the request says beside the page; made anew for each test. */
  readonly parent: (api: LiveApi) => Promise<Readonly<Record<string, string>>>;
  /** Makes one item of the list; resolves to its name. */
  readonly add: (
    api: LiveApi,
    parent: Readonly<Record<string, string>>,
    id: string,
  ) => Promise<string>;
  readonly remove: (api: LiveApi, name: string) => Promise<unknown>;
}

interface PageReply {
  readonly names: readonly string[];
  readonly nextPageToken: string;
}

/** The rules of paging, which hold for every list (AIP-158, pubsub.v1). */
export function pagingCases(makeApi: () => LiveApi, listing: Listing): void {
  const page = async (
    api: LiveApi,
    request: Readonly<Record<string, unknown>>,
  ): Promise<PageReply> => {
    const reply = await api.call<Record<string, unknown>>(listing.rpc, request);
    const items = (reply[listing.field] ?? []) as (string | { name: string })[];
    const names = items.map((item) => (typeof item === 'string' ? item : item.name));
    return { names, nextPageToken: (reply['nextPageToken'] ?? '') as string };
  };
  const everyPage = async (
    api: LiveApi,
    request: Readonly<Record<string, unknown>>,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<string[]> => {
    const first = await page(api, request);
    const names = [...first.names];
    for (let token = first.nextPageToken; token !== '';) {
      await between();
      const next = await page(api, { ...request, pageToken: token });
      names.push(...next.names);
      token = next.nextPageToken;
    }
    return names;
  };
  const stocked = async (
    count: number,
  ): Promise<{ api: LiveApi; parent: Readonly<Record<string, string>>; names: string[] }> => {
    const api = makeApi();
    const parent = await listing.parent(api);
    const names: string[] = [];
    for (let n = 0; n < count; n++) {
      names.push(await listing.add(api, parent, `m${String(n).padStart(3, '0')}-${freshId('x')}`));
    }
    return { api, parent, names };
  };

  test('an empty list is an empty answer', async () => {
    const { api, parent } = await stocked(0);
    expect(await api.call(listing.rpc, parent)).toEqual({});
  });

  test('page_size bounds a page; the pages hold everything once', async () => {
    const { api, parent, names } = await stocked(7);
    const first = await page(api, { ...parent, pageSize: 3 });
    expect(first.names).toHaveLength(3);
    expect(first.nextPageToken).not.toBe('');
    expect(await everyPage(api, { ...parent, pageSize: 3 })).toEqual(names.toSorted());
    expect(await page(api, parent)).toEqual({ names: names.toSorted(), nextPageToken: '' });
    expect(await page(api, { ...parent, pageSize: 7 })).toMatchObject({ nextPageToken: '' });
  });

  test('a token survives inserts and deletes before, at and after its place', async () => {
    const { api, parent, names } = await stocked(6);
    let turn = 0;
    const seen = await everyPage(api, { ...parent, pageSize: 2 }, async () => {
      turn++;
      await listing.add(api, parent, `a${turn}-${freshId('x')}`);
      if (turn === 1) await listing.remove(api, names[1]!);
      if (turn === 2) await listing.add(api, parent, `z9-${freshId('x')}`);
    });
    const known = seen.filter((name) => names.includes(name));
    expect(known).toEqual(names.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.at(-1)).toContain('/z9-');
  });

  test.each(['invalid', 'AAAA', '🙂', 'x'.repeat(120)])(
    'the token %s is refused',
    async (pageToken) => {
      const { api, parent } = await stocked(1);
      expect(await api.refusal(listing.rpc, { ...parent, pageToken })).toEqual(
        invalid(`Invalid page token given (token=${pageToken}).`),
      );
    },
  );

  test('a token of another list is refused', async () => {
    const one = await stocked(2);
    const { nextPageToken } = await page(one.api, { ...one.parent, pageSize: 1 });
    const other = await stocked(2);
    expect(nextPageToken).not.toBe('');
    expect(
      await other.api.refusal(listing.rpc, { ...other.parent, pageToken: nextPageToken }),
    ).toEqual(invalid(`Invalid page token given (token=${nextPageToken}).`));
  });

  test.each([-1, 1001])('page_size %i: "valid values between 0 and 1000"', async (pageSize) => {
    const { api, parent } = await stocked(0);
    expect(await api.refusal(listing.rpc, { ...parent, pageSize })).toEqual(
      badArgument(`page_size has the value ${pageSize}, valid values between 0 and 1000`),
    );
  });
}
