import { beforeAll, describe, expect, test } from 'vitest';

import { AuditBench, auditEntry } from '../../../test/support/audit-bench.ts';
import type { AuditQuery } from '../audit-log.ts';

let bench: AuditBench;

/** An entry of either log each second, and some that share a time. */
beforeAll(async () => {
  bench = await AuditBench.open();
  for (let count = 0; count < 300; count++) {
    const kind = count % 3 === 0 ? 'activity' : 'data_access';
    const project = count % 50 === 7 ? 'other' : 'p';
    await bench.log.append(auditEntry({ kind, project, methodName: `m${count}` }));
    if (count % 4 !== 0) await bench.clock.advance(1_000);
  }
});

const whole: AuditQuery = {
  resourceNames: ['projects/p'],
  filter: '',
  orderBy: '',
  pageSize: 0,
  pageToken: '',
};

async function pages(query: Partial<AuditQuery>): Promise<string[][]> {
  const found: string[][] = [];
  let pageToken = '';
  do {
    const page = await bench.log.read({ ...whole, ...query, pageToken });
    found.push(page.entries.map(({ methodName }) => methodName));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

const all = Array.from({ length: 300 }, (_, count) => `m${count}`).filter(
  (_, count) => count % 50 !== 7,
);

describe('pages', () => {
  test('hold 50 entries unless asked otherwise, every entry once, oldest first', async () => {
    const found = await pages({});
    expect(found.map(({ length }) => length)).toEqual([50, 50, 50, 50, 50, 44]);
    expect(found.flat().toSorted()).toEqual(all.toSorted());
    const { entries } = await bench.log.read({ ...whole, pageSize: 1_000 });
    const times = entries.map(({ timeMs }) => timeMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(found.flat()).toEqual(entries.map(({ methodName }) => methodName));
  });

  test('newest first are exactly the reverse', async () => {
    const up = (await pages({ pageSize: 7 })).flat();
    const down = (await pages({ pageSize: 7, orderBy: 'timestamp desc' })).flat();
    expect(down).toEqual(up.toReversed());
  });

  test.each(['timestamp asc', 'timestamp desc'])('outlive inserts: %s', async (orderBy) => {
    const own = await AuditBench.open();
    const append = async (methodName: string): Promise<unknown> =>
      await own.log.append(auditEntry({ methodName }));
    for (const name of ['a', 'b', 'c', 'd']) await append(name);
    const query = { ...whole, orderBy, pageSize: 2 };
    const first = await own.log.read(query);
    await append('e');
    const second = await own.log.read({ ...query, pageToken: first.nextPageToken });
    const names = [...first.entries, ...second.entries].map(({ methodName }) => methodName);
    expect(names).toEqual(orderBy.endsWith('asc') ? ['a', 'b', 'c', 'd'] : ['d', 'c', 'b', 'a']);
  });

  test('fit no other query, and what is no token is refused', async () => {
    const { nextPageToken } = await bench.log.read(whole);
    const refused = { code: 'INVALID_ARGUMENT', reason: 'BAD_PAGE_TOKEN' };
    for (const change of [
      { filter: 'x' },
      { orderBy: 'timestamp desc' },
      { resourceNames: ['projects/q'] },
    ]) {
      const query = { ...whole, ...change, pageToken: nextPageToken };
      await expect(bench.log.read(query)).rejects.toMatchObject(refused);
    }
    for (const pageToken of ['x', 'WzFd', `${nextPageToken}x`]) {
      await expect(bench.log.read({ ...whole, pageToken })).rejects.toMatchObject(refused);
    }
  });
});

test('a time-bounded query reads only what can be in it', async () => {
  const { store } = bench;
  const read = store.read.bind(store);
  const looked: number[] = [];
  store.read = async (log, from, bytesMax) => {
    const segments = await read(log, from, bytesMax);
    looked.push(...segments.map(({ count }) => count));
    return segments;
  };
  const { entries } = await bench.log.read({ ...whole, pageSize: 1_000 });
  expect(looked.length).toBeGreaterThan(299);
  const [from, to] = [entries[200]!.timeMs, entries[203]!.timeMs];
  const iso = (ms: number): string => new Date(ms).toISOString();
  // Newest first a window is read at a time: its lower end is where the filter's is.
  for (const orderBy of ['timestamp asc', 'timestamp desc']) {
    const filter = `timestamp>="${iso(from)}" AND timestamp<="${iso(to)}"`;
    const page = await bench.log.read({ ...whole, filter, orderBy });
    const wanted = entries.filter(({ timeMs }) => timeMs >= from && timeMs <= to);
    expect(page.entries.length).toBe(wanted.length);
  }
  looked.length = 0;
  const filter = `timestamp>="${iso(entries.at(-1)!.timeMs)}"`;
  await bench.log.read({ ...whole, filter });
  expect(looked.length).toBeLessThan(5);
  store.read = read;
});

describe('a query', () => {
  test('sees only the projects that it names', async () => {
    const own = (await pages({ resourceNames: ['projects/other'] })).flat();
    expect(own).toEqual(['m7', 'm57', 'm107', 'm157', 'm207', 'm257']);
    expect((await pages({ resourceNames: ['projects/other', 'projects/p'] })).flat()).toHaveLength(
      300,
    );
    expect((await pages({ resourceNames: ['projects/none'] })).flat()).toEqual([]);
  });

  test('takes a view of a bucket for its project', async () => {
    const resourceNames = ['projects/other/locations/global/buckets/_Default/views/_AllLogs'];
    expect((await pages({ resourceNames })).flat()).toHaveLength(6);
  });

  test('applies its filter', async () => {
    const filter = 'log_id("cloudaudit.googleapis.com/activity") protoPayload.methodName=~"^m1.$"';
    expect((await pages({ filter })).flat()).toEqual(['m12', 'm15', 'm18']);
  });

  test.each([
    [{ resourceNames: [] }, 'resource_names must name 1 to 100 resources'],
    [
      { resourceNames: ['folders/1'] },
      'resource_names: folders/1 is not a project, such as projects/my-project',
    ],
    [
      { orderBy: 'severity' },
      'order_by: severity, valid values are "timestamp asc" and "timestamp desc"',
    ],
    [{ pageSize: -1 }, 'page_size: -1, valid values are between 0 and 1000'],
    [{ pageSize: 1_001 }, 'page_size: 1001, valid values are between 0 and 1000'],
  ])('that is none is refused: %j', async (change, message) => {
    await expect(bench.log.read({ ...whole, ...change })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });
});

test('the logs of a project are those that hold entries', async () => {
  const own = await AuditBench.open();
  expect(await own.log.logNames('projects/p')).toEqual([]);
  await own.log.append(auditEntry({ kind: 'system_event' }));
  await own.log.append(auditEntry({ kind: 'data_access', project: 'q' }));
  const prefix = 'logs/cloudaudit.googleapis.com%2F';
  expect(await own.log.logNames('projects/p')).toEqual([`projects/p/${prefix}system_event`]);
  expect(await own.log.logNames('projects/q')).toEqual([`projects/q/${prefix}data_access`]);
  await own.log.append(auditEntry());
  expect(await own.log.logNames('projects/p')).toEqual([
    `projects/p/${prefix}activity`,
    `projects/p/${prefix}system_event`,
  ]);
});
