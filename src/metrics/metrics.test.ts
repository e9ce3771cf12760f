import { describe, expect, test } from 'vitest';
import type { BacklogReport, PublishSizes } from '../broker/index.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { ResourceRows } from './resource-rows.ts';

const topic = 'projects/p1/topics/t1';
const subscription = 'projects/p1/subscriptions/s1';

const idle = { backlogBytes: 0, pushedCount: 0, openStreams: {}, pushState: null } as const;

function sizes(count: number): PublishSizes {
  return { messageBytes: Array.from({ length: count }, () => 1), hasOrdering: false };
}

function metricsOf(backlogs: BacklogReport[] = []): Metrics {
  return createMetrics({
    backlogs: () => Promise.resolve(backlogs),
    storeStats: () => ({ diskBytes: 4096, segmentCount: 3 }),
    openedBytes: () => 17,
  });
}

/** Lines of one metric, without help. */
async function series(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('requests', () => {
  test('publish requests are counted by topic, class and code', async () => {
    const metrics = metricsOf();
    metrics.broker.publish(topic, 'OK', sizes(3), 1);
    metrics.broker.publish(topic, 'OK', sizes(2), 1);
    metrics.broker.publish(topic, 'FAILED_PRECONDITION', sizes(0), 1);
    metrics.broker.publish(topic, 'UNAVAILABLE', sizes(0), 1);
    expect(await series(metrics, 'pubsub_topic_send_request_count')).toEqual([
      'pubsub_topic_send_request_count{project_id="p1",topic_id="t1",response_class="success",response_code="success"} 2',
      'pubsub_topic_send_request_count{project_id="p1",topic_id="t1",response_class="invalid",response_code="failed_precondition"} 1',
      'pubsub_topic_send_request_count{project_id="p1",topic_id="t1",response_class="internal",response_code="unavailable"} 1',
    ]);
    expect(await series(metrics, 'sealpost_topic_published_messages_total')).toEqual([
      'sealpost_topic_published_messages_total{project_id="p1",topic_id="t1"} 5',
    ]);
  });

  test('counters keep their value from scrape to scrape', async () => {
    const metrics = metricsOf();
    metrics.broker.pull(subscription, 'OK', 1);
    await metrics.text();
    metrics.broker.pull(subscription, 'OK', 1);
    const [line] = await series(metrics, 'pubsub_subscription_pull_request_count');
    expect(line).toMatch(/ 2$/);
  });

  test('names that nobody created share one series', async () => {
    const metrics = metricsOf();
    for (let index = 0; index < 50; index++) {
      metrics.broker.pull(`projects/x/subscriptions/${index}`, 'NOT_FOUND', 1);
    }
    expect(await series(metrics, 'pubsub_subscription_pull_request_count')).toEqual([
      'pubsub_subscription_pull_request_count{project_id="_other",subscription_id="_other",response_class="invalid",response_code="not_found"} 50',
    ]);
  });

  test('a refusal of a resource that exists is its own', async () => {
    const metrics = metricsOf();
    metrics.broker.streamingPullResponse(subscription, 'OK');
    metrics.broker.streamingPullResponse(subscription, 'NOT_FOUND');
    const lines = await series(metrics, 'pubsub_subscription_streaming_pull_response_count');
    expect(lines).toHaveLength(2);
    expect(lines.every((line) => line.includes('subscription_id="s1"'))).toBe(true);
  });

  test('the series of what was deleted are gone', async () => {
    const metrics = metricsOf();
    metrics.broker.publish(topic, 'OK', sizes(1), 1);
    metrics.broker.delivered(subscription, 'pull', 1);
    metrics.broker.acked(subscription, 'pull', [1]);
    metrics.broker.topicDeleted(topic);
    metrics.broker.subscriptionDeleted(subscription);
    const text = await metrics.text();
    expect(text).not.toContain('topic_id="t1"');
    expect(text).not.toContain('subscription_id="s1"');
  });

  test('label values are escaped as the format asks', async () => {
    const metrics = metricsOf();
    metrics.broker.publish('projects/p"1\\\n/topics/t', 'OK', sizes(1), 1);
    const [line] = await series(metrics, 'sealpost_topic_published_messages_total');
    expect(line).toContain('project_id="p\\"1\\\\\\n"');
  });
});

test('rows stop at their bound and count the rest together', () => {
  const rows = new ResourceRows(1, 2);
  for (const name of ['a', 'b', 'c', 'd', 'a']) rows.add(name, 0, 1, true);
  const counted = [...rows.entries()].map(({ resource, value }) => `${resource}=${value}`);
  expect(counted).toEqual(['a=2', 'b=1', '_other=2']);
});

test('work is counted and timed in seconds', async () => {
  const metrics = metricsOf();
  metrics.broker.sealed(10, 2000, 5);
  metrics.broker.opened(4, 800, 0.02);
  metrics.broker.committed(7, 300);
  const text = await metrics.text();
  expect(text).toContain('sealpost_sealed_messages_total 10\n');
  expect(text).toContain('sealpost_sealed_bytes_total 2000\n');
  expect(text).toContain('sealpost_seal_seconds_sum 0.005\n');
  expect(text).toContain('sealpost_opened_bytes_total 800\n');
  expect(text).toContain('sealpost_open_seconds_bucket{le="0.00005"} 1\n');
  expect(text).toContain('sealpost_committed_appends_total 7\n');
  expect(text).toContain('sealpost_commit_seconds_sum 0.3\n');
});

test('gauges show the state at the scrape under both names', async () => {
  const backlog: BacklogReport = {
    subscription,
    unackedCount: 9,
    oldestUnackedAgeSeconds: 61.5,
    outstandingCount: 2,
    ...idle,
  };
  const metrics = metricsOf([backlog]);
  const text = await metrics.text();
  const labels = '{project_id="p1",subscription_id="s1"}';
  expect(text).toContain(`pubsub_subscription_num_undelivered_messages${labels} 9\n`);
  expect(text).toContain(`pubsub_subscription_num_unacked_messages${labels} 9\n`);
  expect(text).toContain(`pubsub_subscription_oldest_unacked_message_age${labels} 61.5\n`);
  expect(text).toContain(`sealpost_subscription_outstanding_messages${labels} 2\n`);
  expect(text).toContain('sealpost_store_disk_bytes 4096\n');
  expect(text).toContain('sealpost_store_segments 3\n');
  expect(text).toContain('sealpost_plaintext_bytes 17\n');
});

test('a subscription that is gone from the backlogs is gone from the gauges', async () => {
  const backlogs: BacklogReport[] = [
    { subscription, unackedCount: 1, oldestUnackedAgeSeconds: 1, outstandingCount: 0, ...idle },
  ];
  const metrics = metricsOf(backlogs);
  await metrics.text();
  backlogs.pop();
  expect(await metrics.text()).not.toContain('subscription_id="s1"');
});

test('calls are counted by name and outcome, for APIs, key service and DEKs alike', async () => {
  const metrics = metricsOf();
  metrics.call('google.pubsub.v1.Publisher.Publish', 'OK', 2);
  metrics.kms.call({ operation: 'Encrypt', code: 'OK', ms: 1 });
  metrics.dek.kmsCall('decrypt', 'FAILED_PRECONDITION', 30);
  const text = await metrics.text();
  const success = 'response_class="success",response_code="success"';
  const refused = 'response_class="invalid",response_code="failed_precondition"';
  for (const line of [
    `sealpost_rpc_requests_total{rpc="google.pubsub.v1.Publisher.Publish",${success}} 1`,
    'sealpost_rpc_seconds_sum{rpc="google.pubsub.v1.Publisher.Publish"} 0.002',
    `sealpost_kms_requests_total{operation="Encrypt",${success}} 1`,
    `sealpost_dek_kms_requests_total{operation="decrypt",${refused}} 1`,
    'sealpost_dek_kms_seconds_sum{operation="decrypt"} 0.03',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('DEKs in memory and their evictions are shown', async () => {
  const metrics = metricsOf();
  metrics.dek.unwrapped(4);
  metrics.dek.cachedCount(3);
  metrics.dek.evicted('keyChange');
  const text = await metrics.text();
  expect(text).toContain('sealpost_dek_unwrap_seconds_sum 0.004\n');
  expect(text).toContain('sealpost_dek_cached 3\n');
  expect(text).toContain('sealpost_dek_evictions_total{cause="keyChange"} 1\n');
});

test('the process reports on itself', async () => {
  const text = await metricsOf().text();
  expect(text).toContain('process_resident_memory_bytes ');
  expect(text).toContain('nodejs_eventloop_lag_seconds ');
});
