import { describe, expect, test } from 'vitest';
import { parseMetrics } from './prometheus-text.ts';
import { allLines, screenLines } from './screen-lines.ts';
import { namesIn, snapshotOf, sumsOf, type Look } from './snapshot.ts';

describe('the metrics page', () => {
  test('names, labels and numbers of both formats are read', () => {
    const page = [
      '# HELP a_total Something.',
      '# TYPE a_total counter',
      'a_total 12',
      String.raw`b{x="1",y="q\"u\\o\nte}"} 1.5e3 1700000000000`,
      'c{} +Inf',
      'd{le="0.5"} 3 # {trace="t"} 0.4',
      'e NaN',
      'broken{x="1" 7',
      'nothing',
      '# EOF',
    ].join('\n');
    expect(parseMetrics(page)).toEqual([
      { name: 'a_total', labels: new Map(), value: 12 },
      {
        name: 'b',
        labels: new Map([
          ['x', '1'],
          ['y', 'q"u\\o\nte}'],
        ]),
        value: 1500,
      },
      { name: 'c', labels: new Map(), value: Infinity },
      { name: 'd', labels: new Map([['le', '0.5']]), value: 3 },
      { name: 'e', labels: new Map(), value: Number.NaN },
    ]);
  });

  test('series of one resource are added up, whatever other labels they have', () => {
    const sums = sumsOf(
      parseMetrics(
        [
          'pubsub_subscription_sent_message_count{project_id="p",subscription_id="s",delivery_type="pull"} 3',
          'pubsub_subscription_sent_message_count{project_id="p",subscription_id="s",delivery_type="push"} 4',
          'pubsub_subscription_sent_message_count{project_id="_other",subscription_id="_other"} 9',
          'pubsub_topic_message_sizes_count{project_id="p",topic_id="t"} 5',
        ].join('\n'),
      ),
    );
    const sent = sums.get('pubsub_subscription_sent_message_count');
    expect(sent?.get('projects/p/subscriptions/s')).toBe(7);
    expect(namesIn(sums, 'subscriptions')).toEqual(['projects/p/subscriptions/s']);
    expect(namesIn(sums, 'topics')).toEqual(['projects/p/topics/t']);
  });
});

const subscription = (id: string): string => `projects/p/subscriptions/${id}`;

function look(atMs: number, published: number, backlogs: Record<string, number>): Look {
  const backlog = Object.entries(backlogs).map(([id, count]) => [subscription(id), count] as const);
  return {
    atMs,
    sums: new Map([
      ['pubsub_topic_message_sizes_count', new Map([['projects/p/topics/t', published]])],
      ['pubsub_subscription_num_undelivered_messages', new Map(backlog)],
      ['pubsub_subscription_oldest_unacked_message_age', new Map(backlog)],
    ]),
    topics: new Map([['projects/p/topics/t', { key: 'cafe/orders', keyState: 'ENABLED 1' }]]),
    subscriptions: new Map(
      Object.keys(backlogs).map((id) => [
        subscription(id),
        { topic: 'projects/p/topics/t', isDetached: id === 'loose' },
      ]),
    ),
  };
}

describe('a snapshot', () => {
  test('has rates of what happened between two looks', () => {
    const { topics, totals } = snapshotOf(look(0, 100, {}), look(2000, 150, {}), 'name');
    expect(topics[0]?.publishedPerSecond).toBe(25);
    expect(totals.publishedPerSecond).toBe(25);
  });

  test('counts from zero after a restart of the server', () => {
    const { totals } = snapshotOf(look(0, 1000, {}), look(1000, 30, {}), 'name');
    expect(totals.publishedPerSecond).toBe(30);
  });

  test('is sorted as was asked', () => {
    const now = look(1000, 0, { bbb: 1, aaa: 5, ccc: 9 });
    const order = (by: 'backlog' | 'name'): string[] =>
      snapshotOf(now, now, by).subscriptions.map(({ subscription }) => subscription.slice(-3));
    expect(order('backlog')).toEqual(['ccc', 'aaa', 'bbb']);
    expect(order('name')).toEqual(['aaa', 'bbb', 'ccc']);
  });
});

describe('the screen', () => {
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, at) => [`a-subscription-with-quite-a-long-name-${at}`, at]),
  );
  const snapshot = snapshotOf(look(0, 0, many), look(1000, 4, many), 'backlog');

  test.each([
    [80, 24],
    [40, 10],
    [200, 60],
  ])('fits %i by %i', (columns, rows) => {
    const lines = screenLines(snapshot, 'title', { columns, rows });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.length).toBeLessThan(Math.max(rows, 12));
    expect(lines.at(-1)).toMatch(/^and \d+ more subscriptions$/);
  });

  test('a detached subscription is marked, as it reads its topic no more', () => {
    const now = look(1000, 0, { loose: 0, tied: 0 });
    const lines = allLines(snapshotOf(now, now, 'name'), 'title');
    expect(lines.at(-2)).toMatch(/^loose +\(detached\) /);
    expect(lines.at(-1)).toMatch(/^tied +t /);
  });

  test('a snapshot that scrolls shows everything', () => {
    const lines = allLines(snapshot, 'title');
    expect(lines.slice(0, 5)).toEqual([
      'title',
      'pub 4.0/s  sent 0/s  ack 0/s  backlog 4,950  disk 0 MiB  memory 0 MiB',
      '',
      'TOPIC  KEY          STATE      PUB/S',
      't      cafe/orders  ENABLED 1    4.0',
    ]);
    expect(lines.filter((line) => line.startsWith('a-subscription'))).toHaveLength(100);
  });
});
