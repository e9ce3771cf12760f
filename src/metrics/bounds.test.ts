import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { BacklogReport, TopicReport } from '../broker/index.ts';
import { BacklogGauges } from './backlog-gauges.ts';
import { Page } from './page/exposition.ts';
import { Metrics } from './metrics.ts';
import { ResourceTable } from './resources/resource-table.ts';
import { TopicGauges } from './topic-gauges.ts';

const name = (id: string): string => `projects/p/subscriptions/${id}`;

function backlog(
  id: string,
  unackedCount: number,
  more: Partial<BacklogReport> = {},
): BacklogReport {
  return {
    subscription: name(id),
    unackedCount,
    backlogBytes: unackedCount * 10,
    oldestUnackedAgeSeconds: unackedCount,
    outstandingCount: 1,
    pushedCount: 0,
    retainedAckedCount: 0,
    retainedAckedBytes: 0,
    oldestRetainedAckedAgeSeconds: 0,
    openStreams: { ok: 1 },
    pushState: null,
    isKeyUsable: true,
    ...more,
  };
}

function shown(gauges: BacklogGauges, reports: readonly BacklogReport[], metric: string): string[] {
  const page = new Page('text');
  for (const family of gauges.families(reports)) for (const _ of family.write(page));
  return page
    .text()
    .split('\n')
    .filter((line) => line.startsWith(`pubsub_subscription_${metric}{`))
    .map((line) => line.replace(/^.*subscription_id="([^"]+)"[^}]*\} /, '$1 '));
}

describe('rows of counters', () => {
  test('stop at their bound; a resource keeps its row, and the remainder what it has', () => {
    const table = new ResourceTable((resource) => ({ resource, count: 0 }), 2);
    const count = (resource: string): number => table.row(resource, true).count++;
    for (const resource of ['a', 'b', 'c', 'd', 'a']) count(resource);
    table.forget('b');
    for (const resource of ['c', 'd']) count(resource);
    const rows = [...table.rows()].map((row) => `${row.resource}=${row.count}`);
    expect(rows).toEqual(['a=2', 'c=1', '_other=3']);
  });

  test('no counter goes back, whatever comes and goes', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const steps = fc.array(fc.record({ id: ids, isDeleted: fc.boolean(), isKnown: fc.boolean() }));
    fc.assert(
      fc.property(steps, (taken) => {
        const table = new ResourceTable((resource) => ({ resource, count: 0 }), 2);
        let before = new Map<string, number>();
        let sum = 0;
        for (const { id, isDeleted, isKnown } of taken) {
          if (isDeleted) {
            sum -= before.get(id) ?? 0;
            before.delete(id);
            table.forget(id);
          } else {
            table.row(id, isKnown).count++;
            sum++;
          }
          const now = new Map([...table.rows()].map((row) => [row.resource, row.count]));
          for (const [resource, count] of before)
            expect(now.get(resource)).toBeGreaterThanOrEqual(count);
          expect(now.size).toBeLessThanOrEqual(3);
          expect([...now.values()].reduce((total, count) => total + count, 0)).toBe(sum);
          before = now;
        }
      }),
    );
  });

  test('a name that is not known to exist gets none', () => {
    const table = new ResourceTable((resource) => ({ resource }), 2);
    expect(table.row('a', false).resource).toBe('_other');
    expect(table.row('a', true).resource).toBe('a');
    expect(table.row('a', false).resource).toBe('a');
  });

  test('what is told of a resource that is gone gives it no row, until there is one again', () => {
    const table = new ResourceTable((resource) => ({ resource }), 2);
    for (const resource of ['a', 'b', 'c']) {
      expect(table.row(resource, true).resource).toBe(resource);
      table.forget(resource);
    }
    expect(table.row('b', true).resource).toBe('_other');
    expect(table.row('c', true).resource).toBe('_other');
    table.created('c');
    expect(table.row('c', true).resource).toBe('c');
  });

  test('ephemeral subscriptions of a project share one, which outlives each', () => {
    const table = new ResourceTable((resource) => ({ resource, count: 0 }), 2);
    table.row(name('goog-ephemeral-01'), true).count++;
    table.forget(name('goog-ephemeral-01'));
    table.row(name('goog-ephemeral-02'), true).count++;
    const rows = [...table.rows()].map((row) => `${row.resource}=${row.count}`);
    expect(rows).toEqual([`${name('goog-ephemeral')}=2`, '_other=0']);
  });
});

describe('rows of gauges', () => {
  test('are those with the most waiting, and one for the others together', () => {
    const gauges = new BacklogGauges(2);
    const reports = [backlog('a', 1), backlog('b', 100), backlog('c', 3), backlog('d', 50)];
    expect(shown(gauges, reports, 'num_undelivered_messages')).toEqual([
      'b 100',
      'd 50',
      '_other 4',
    ]);
    expect(shown(gauges, reports, 'oldest_unacked_message_age')).toEqual([
      'b 100',
      'd 50',
      '_other 3',
    ]);
    expect(shown(gauges, reports, 'open_streaming_pulls')).toEqual(['b 1', 'd 1', '_other 2']);
  });

  test('a subscription leaves its row only to one with far more waiting', () => {
    const gauges = new BacklogGauges(1);
    const metric = 'num_undelivered_messages';
    expect(shown(gauges, [backlog('a', 10), backlog('b', 9)], metric)).toEqual([
      'a 10',
      '_other 9',
    ]);
    expect(shown(gauges, [backlog('a', 10), backlog('b', 30)], metric)).toEqual([
      'a 10',
      '_other 30',
    ]);
    expect(shown(gauges, [backlog('a', 10), backlog('b', 90)], metric)).toEqual([
      'b 90',
      '_other 10',
    ]);
  });

  test('ephemeral subscriptions are one row', () => {
    const gauges = new BacklogGauges(10);
    const reports = [
      backlog('goog-ephemeral-01', 2),
      backlog('x', 1),
      backlog('goog-ephemeral-02', 3),
    ];
    expect(shown(gauges, reports, 'backlog_bytes')).toEqual(['x 10', 'goog-ephemeral 50']);
    expect(shown(gauges, reports, 'open_streaming_pulls')).toEqual(['x 1', 'goog-ephemeral 2']);
  });

  test('a subscription of push shows what its endpoint has, and no streams', () => {
    const gauges = new BacklogGauges(10);
    const reports = [backlog('p', 5, { pushedCount: 4, pushState: 'resource_error' })];
    expect(shown(gauges, reports, 'num_outstanding_messages')).toEqual(['p 4']);
    expect(shown(gauges, reports, 'export_push_subscription_details')).toEqual(['p 1']);
    expect(shown(gauges, reports, 'open_streaming_pulls')).toEqual([]);
  });

  test('the row of many has a usable key only if all have', () => {
    const gauges = new BacklogGauges(1);
    const reports = [backlog('a', 9), backlog('b', 1), backlog('c', 1, { isKeyUsable: false })];
    const page = new Page('text');
    for (const family of gauges.families(reports)) for (const _ of family.write(page));
    const lines = page.text().match(/^sealpost_subscription_key_usable.*$/gm) ?? [];
    expect(lines.map((line) => line.at(-1))).toEqual(['1', '0']);
  });

  test('an amount that the disk could not tell is nothing', () => {
    const gauges = new BacklogGauges(1);
    const reports = [backlog('a', NaN), backlog('b', 3)];
    expect(shown(gauges, reports, 'oldest_unacked_message_age')).toEqual(['b 3', '_other 0']);
  });

  test('a topic whose key cannot be used is never hidden among the others', () => {
    const topic = (id: string, retainedMessages: number, isKeyUsable: boolean): TopicReport => ({
      topic: `projects/p/topics/${id}`,
      retainedMessages,
      retainedBytes: 0,
      oldestRetainedAgeSeconds: 0,
      keyName: `key-of-${id}`,
      isKeyUsable,
    });
    const page = new Page('text');
    const reports = [topic('a', 9, true), topic('b', 0, false), topic('c', 8, true)];
    for (const family of new TopicGauges(1).families(reports)) for (const _ of family.write(page));
    expect(page.text()).toContain(
      'sealpost_topic_key_usable{project_id="p",topic_id="b",kms_key_name="key-of-b"} 0\n' +
        'sealpost_topic_key_usable{project_id="_other",topic_id="_other",kms_key_name="_other"} 1\n',
    );
  });
});

test('answers and acks that come in after a deletion leave no row behind, over and over', async () => {
  const { metrics } = idle();
  const { broker } = metrics;
  for (let n = 0; n < 1_500; n++) {
    const gone = name(`gone-${n}`);
    broker.subscriptionConfig(gone, 'create', 'OK');
    broker.delivered(gone, 'push', 1);
    broker.subscriptionDeleted(gone);
    broker.subscriptionConfig(gone, 'delete', 'OK');
    broker.ackRequest(gone, 'pull', 'OK');
  }
  for (let n = 0; n < 1_500; n++) {
    broker.push(name(`gone-${n}`), 'deadline_exceeded', 'deadline_exceeded', 10_000);
  }
  broker.subscriptionConfig(name('gone-7'), 'create', 'OK');
  broker.delivered(name('gone-7'), 'push', 1);
  const { body } = await metrics.page();
  const rows = body.match(/^pubsub_subscription_sent_message_count\{.*$/gm) ?? [];
  expect(rows.map((line) => line.replace(/^.*subscription_id="([^"]+)".*$/, '$1'))).toEqual([
    'gone-7',
  ]);
  expect(body).not.toMatch(/subscription_id="gone-(?!7")/);
  expect(body).toContain('_other",response_class="deadline_exceeded",response_code="deadline_');
});

function idle(): { clock: VirtualClock; metrics: Metrics } {
  const clock = new VirtualClock();
  const source = {
    backlogs: () => Promise.resolve([]),
    topics: () => Promise.resolve([]),
    snapshots: () => Promise.resolve([]),
    storeStats: () => ({ diskBytes: 0, segmentCount: 0 }),
    diskFreeBytes: () => 0,
    openedBytes: () => 0,
  };
  return { clock, metrics: new Metrics({ clock, source }) };
}

test('scrapes at the same time share one page of their format', async () => {
  let askedCount = 0;
  const source = {
    backlogs: () => Promise.resolve((askedCount++, [])),
    topics: () => Promise.resolve([]),
    snapshots: () => Promise.resolve([]),
    storeStats: () => ({ diskBytes: 0, segmentCount: 0 }),
    diskFreeBytes: () => 0,
    openedBytes: () => 0,
  };
  const metrics = new Metrics({ clock: new VirtualClock(), source });
  const pages = [metrics.page(), metrics.page(), metrics.page('application/openmetrics-text')];
  const [first, second, other] = await Promise.all(pages);
  expect(askedCount).toBe(2);
  expect(second).toBe(first);
  expect(other?.contentType).toContain('openmetrics');
  await metrics.page();
  expect(askedCount).toBe(3);
});

describe('the last ten minutes', () => {
  const health = async (metrics: Metrics): Promise<Record<string, string>> => {
    const { body } = await metrics.page();
    const pattern = /health_score\{[^}]*"s1",criteria="(\w+)"\} (\d)/g;
    return Object.fromEntries([...body.matchAll(pattern)].map((match) => [match[1], match[2]]));
  };

  const sound = {
    ack_latency: '1',
    expired_ack_deadlines: '1',
    nack_requests: '1',
    seek_requests: '1',
  };

  test('one nack or expiry spoils the score until it is over', async () => {
    const { clock, metrics } = idle();
    metrics.broker.delivered(name('s1'), 'pull', 1);
    expect(await health(metrics)).toEqual(sound);
    metrics.broker.nacked(name('s1'), 'pull', 1);
    metrics.broker.expired(name('s1'), 'pull', 1);
    const spoilt = { ...sound, expired_ack_deadlines: '0', nack_requests: '0' };
    expect(await health(metrics)).toEqual(spoilt);
    await clock.advance(599_000);
    expect(await health(metrics)).toEqual(spoilt);
    await clock.advance(11_000);
    expect(await health(metrics)).toEqual(sound);
  });

  test('acks are slow when more than one in a thousand took over 30 seconds', async () => {
    const { metrics } = idle();
    const quick = Array.from({ length: 999 }, () => 20);
    metrics.broker.acked(name('s1'), 'pull', [...quick, 40_000]);
    expect(await health(metrics)).toEqual(sound);
    metrics.broker.acked(name('s1'), 'pull', [40_000]);
    expect(await health(metrics)).toEqual({ ...sound, ack_latency: '0' });
  });

  test('nack_requests is what was given back in the last minute, and the counter all of it', async () => {
    const { clock, metrics } = idle();
    metrics.broker.nacked(name('s1'), 'pull', 3);
    await clock.advance(120_000);
    metrics.broker.nacked(name('s1'), 'pull', 2);
    const { body } = await metrics.page();
    const labels = '{project_id="p",subscription_id="s1",delivery_type="pull"}';
    expect(body).toContain(`pubsub_subscription_nack_requests${labels} 2\n`);
    expect(body).toContain(`sealpost_subscription_nacked_messages_total${labels} 5\n`);
  });
});
