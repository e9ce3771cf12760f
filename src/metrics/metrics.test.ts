import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { BacklogReport, SnapshotReport, PublishSizes, TopicReport } from '../broker/index.ts';
import type { Clock } from '../runtime/index.ts';
import { Metrics } from './metrics.ts';

const topic = 'projects/p1/topics/t1';
const subscription = 'projects/p1/subscriptions/s1';

const idle = {
  backlogBytes: 0,
  pushedCount: 0,
  retainedAckedCount: 0,
  retainedAckedBytes: 0,
  oldestRetainedAckedAgeSeconds: 0,
  openStreams: {},
  pushState: null,
  isKeyUsable: true,
} as const;

function sizes(count: number): PublishSizes {
  return { messageBytes: Array.from({ length: count }, () => 1), hasOrdering: false };
}

interface Standing {
  readonly backlogs?: readonly BacklogReport[];
  readonly topics?: readonly TopicReport[];
  readonly snapshots?: readonly SnapshotReport[];
  readonly clock?: Clock;
  readonly resourcesMax?: number;
}

function metricsOf(standing: Standing = {}): Metrics {
  const { backlogs = [], topics = [], snapshots = [], resourcesMax = 1000 } = standing;
  const { clock = new VirtualClock() } = standing;
  return new Metrics({
    clock,
    resourcesMax,
    source: {
      backlogs: () => Promise.resolve(backlogs),
      topics: () => Promise.resolve(topics),
      snapshots: () => Promise.resolve(snapshots),
      storeStats: () => ({ diskBytes: 4096, segmentCount: 3 }),
      diskFreeBytes: () => 8192,
      openedBytes: () => 17,
    },
  });
}

async function textOf(metrics: Metrics): Promise<string> {
  return (await metrics.page()).body;
}

/** Lines of one metric, without help. */
async function series(metrics: Metrics, name: string): Promise<string[]> {
  return (await textOf(metrics))
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
    expect(await series(metrics, 'pubsub_topic_message_sizes_count')).toEqual([
      'pubsub_topic_message_sizes_count{project_id="p1",topic_id="t1"} 5',
    ]);
  });

  test('counters keep their value from scrape to scrape', async () => {
    const metrics = metricsOf();
    metrics.broker.pull(subscription, 'OK', 1);
    await textOf(metrics);
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
    const text = await textOf(metrics);
    expect(text).not.toContain('topic_id="t1"');
    expect(text).not.toContain('subscription_id="s1"');
  });

  test('label values are escaped as the format asks', async () => {
    const metrics = metricsOf();
    metrics.broker.publish('projects/p"1\\\n/topics/t', 'OK', sizes(1), 1);
    const [line] = await series(metrics, 'pubsub_topic_message_sizes_count');
    expect(line).toContain('project_id="p\\"1\\\\\\n"');
  });
});

test('work is counted and timed in seconds', async () => {
  const metrics = metricsOf();
  metrics.broker.sealed(10, 2000, 5);
  metrics.broker.opened(4, 800, 0.02);
  metrics.broker.committed(7, 300);
  const text = await textOf(metrics);
  expect(text).toContain('sealpost_sealed_messages_total 10\n');
  expect(text).toContain('sealpost_sealed_bytes_total 2000\n');
  expect(text).toContain('sealpost_seal_seconds_sum 0.005\n');
  expect(text).toContain('sealpost_opened_bytes_total 800\n');
  expect(text).toContain('sealpost_open_seconds_bucket{le="5e-05"} 1\n');
  expect(text).toContain('sealpost_committed_appends_total 7\n');
  expect(text).toContain('sealpost_commit_seconds_sum 0.3\n');
  expect(text).toContain('sealpost_commit_seconds_bucket{le="+Inf"} 1\n');
});

test('gauges show the state at the scrape under both names', async () => {
  const backlog: BacklogReport = {
    subscription,
    unackedCount: 9,
    oldestUnackedAgeSeconds: 61.5,
    outstandingCount: 2,
    ...idle,
  };
  const metrics = metricsOf({ backlogs: [backlog] });
  const text = await textOf(metrics);
  const labels = '{project_id="p1",subscription_id="s1"}';
  expect(text).toContain(`pubsub_subscription_num_undelivered_messages${labels} 9\n`);
  expect(text).toContain(`pubsub_subscription_num_unacked_messages${labels} 9\n`);
  expect(text).toContain(`pubsub_subscription_oldest_unacked_message_age${labels} 61.5\n`);
  expect(text).toContain(`sealpost_subscription_outstanding_messages${labels} 2\n`);
  expect(text).toContain(`sealpost_subscription_key_usable${labels} 1\n`);
  expect(text).toContain('sealpost_store_disk_bytes 4096\n');
  expect(text).toContain('sealpost_store_free_bytes 8192\n');
  expect(text).toContain('sealpost_store_segments 3\n');
  expect(text).toContain('sealpost_plaintext_bytes 17\n');
});

test('a subscription that is gone from the backlogs is gone from the gauges', async () => {
  const backlogs: BacklogReport[] = [
    { subscription, unackedCount: 1, oldestUnackedAgeSeconds: 1, outstandingCount: 0, ...idle },
  ];
  const metrics = metricsOf({ backlogs });
  await textOf(metrics);
  backlogs.pop();
  expect(await textOf(metrics)).not.toContain('subscription_id="s1"');
});

test('what a filter keeps away is acknowledged by delivery type filter', async () => {
  const metrics = metricsOf();
  metrics.broker.acked(subscription, 'pull', [1, 2]);
  metrics.broker.filtered(subscription, 5);
  const lines = await series(metrics, 'pubsub_subscription_ack_message_count');
  expect(lines.map((line) => line.replace(/.*delivery_type=/, ''))).toEqual([
    '"pull"} 2',
    '"filter"} 5',
  ]);
});

test('dead letters, seeks and exactly-once ids are counted by what became of them', async () => {
  const clock = new VirtualClock();
  const metrics = metricsOf({ clock });
  metrics.broker.deadLettered(subscription, 'OK');
  metrics.broker.deadLettered(subscription, 'NOT_FOUND');
  metrics.broker.seek(subscription, 'OK');
  metrics.broker.exactlyOnceWarning(subscription, 'ack', 'expired', 2);
  metrics.broker.exactlyOnceWarning(subscription, 'modack', 'unordered', 1);
  const found = async (name: string): Promise<string[]> =>
    (await series(metrics, `pubsub_subscription_${name}`)).map((line) =>
      line.replace(/.*subscription_id="[^"]*",/, ''),
    );
  expect(await found('dead_letter_message_count')).toEqual([
    'response_code="success"} 1',
    'response_code="not_found"} 1',
  ]);
  expect(await found('seek_request_count')).toEqual(['response_code="success"} 1']);
  expect(await found('exactly_once_warning_count')).toEqual([
    'operation_type="ack",reason="expired"} 2',
    'operation_type="modack",reason="unordered"} 1',
  ]);
  const health = async (): Promise<string | undefined> =>
    (await found('delivery_latency_health_score')).find((line) => line.includes('seek'));
  expect(await health()).toBe('criteria="seek_requests"} 0');
  await clock.advance(11 * 60_000);
  expect(await health()).toBe('criteria="seek_requests"} 1');
});

test('snapshots have gauges, and their changes are counted', async () => {
  const snapshot = 'projects/p1/snapshots/monday';
  const snapshots = [
    { snapshot, messageCount: 7, backlogBytes: 700, oldestMessageAgeSeconds: 3600 },
  ];
  const metrics = metricsOf({ snapshots });
  metrics.broker.snapshotConfig(snapshot, 'create', 'OK');
  const text = await textOf(metrics);
  const labels = '{project_id="p1",snapshot_id="monday"';
  expect(text).toContain(`pubsub_snapshot_num_messages${labels}} 7\n`);
  expect(text).toContain(`pubsub_snapshot_backlog_bytes${labels}} 700\n`);
  expect(text).toContain(`pubsub_snapshot_oldest_message_age${labels}} 3600\n`);
  const created = ',operation_type="create",response_code="success"} 1\n';
  expect(text).toContain(`pubsub_snapshot_config_updates_count${labels}${created}`);
});

test('calls are counted by name and outcome, for APIs, key service and DEKs alike', async () => {
  const metrics = metricsOf();
  metrics.call('google.pubsub.v1.Publisher.Publish', 'OK', 2);
  metrics.kms.call({ operation: 'Encrypt', code: 'OK', ms: 1 });
  metrics.dek.kmsCall('decrypt', 'FAILED_PRECONDITION', 30);
  const text = await textOf(metrics);
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
  const text = await textOf(metrics);
  expect(text).toContain('sealpost_dek_unwrap_seconds_sum 0.004\n');
  expect(text).toContain('sealpost_dek_cached 3\n');
  expect(text).toContain('sealpost_dek_evictions_total{cause="keyChange"} 1\n');
});

test('the process reports on itself', async () => {
  const text = await textOf(metricsOf());
  expect(text).toContain('process_resident_memory_bytes ');
  expect(text).toContain('nodejs_eventloop_lag_seconds ');
});

describe('latencies, sizes and deliveries', () => {
  test('a publish is timed in microseconds, by code and ordering', async () => {
    const metrics = metricsOf();
    metrics.broker.publish(topic, 'OK', { messageBytes: [70, 2000], hasOrdering: true }, 0.4);
    const text = await textOf(metrics);
    const labels =
      'project_id="p1",topic_id="t1",response_code="success",has_ordering="true",schema_type="none"';
    expect(text).toContain(`pubsub_topic_send_request_latencies_sum{${labels}} 400\n`);
    expect(text).toContain(
      `pubsub_topic_send_request_latencies_bucket{${labels},le="250.0"} 0\n` +
        `pubsub_topic_send_request_latencies_bucket{${labels},le="500.0"} 1\n`,
    );
    const sizesOf = 'project_id="p1",topic_id="t1"';
    expect(text).toContain(`pubsub_topic_message_sizes_sum{${sizesOf}} 2070\n`);
    expect(text).toContain(`pubsub_topic_message_sizes_bucket{${sizesOf},le="256.0"} 1\n`);
    expect(text).toContain(`pubsub_topic_message_sizes_bucket{${sizesOf},le="+Inf"} 2\n`);
  });

  test('ways of delivery are told apart, also under the names that Google deprecated', async () => {
    const { broker, ...metrics } = observed();
    broker.delivered(subscription, 'pull', 3);
    broker.delivered(subscription, 'streaming pull', 5);
    broker.delivered(subscription, 'push', 7);
    broker.acked(subscription, 'streaming pull', [40, 70_000]);
    broker.modAcked(subscription, 'pull', 2);
    broker.expired(subscription, 'push', 4);
    const of = (more: string): string => `{project_id="p1",subscription_id="s1",${more}}`;
    const prefix = 'pubsub_subscription_';
    await metrics.expectLines([
      `${prefix}sent_message_count${of('delivery_type="push"')} 7`,
      `${prefix}pull_message_operation_count${of('response_code="success"')} 3`,
      `${prefix}streaming_pull_message_operation_count${of('response_code="success"')} 5`,
      `${prefix}ack_message_count${of('delivery_type="streaming pull"')} 2`,
      `${prefix}ack_latencies_sum${of('delivery_type="streaming pull"')} 70040`,
      `${prefix}ack_latencies_bucket${of('delivery_type="streaming pull",le="50.0"')} 1`,
      `${prefix}streaming_pull_ack_message_operation_count${of('response_code="success"')} 2`,
      `${prefix}mod_ack_deadline_message_count${of('delivery_type="pull"')} 2`,
      `${prefix}mod_ack_deadline_message_operation_count${of('response_code="success"')} 2`,
      `${prefix}expired_ack_deadlines_count${of('delivery_type="push"')} 4`,
    ]);
  });

  test('requests that acknowledge or modify are told apart from those on streams', async () => {
    const { broker, ...metrics } = observed();
    broker.ackRequest(subscription, 'pull', 'OK');
    broker.ackRequest(subscription, 'streaming pull', 'OK');
    broker.modAckRequest(subscription, 'pull', 'INVALID_ARGUMENT');
    broker.modAckRequest(subscription, 'streaming pull', 'OK');
    const of = 'project_id="p1",subscription_id="s1"';
    const success = 'response_class="success",response_code="success"';
    const invalid = 'response_class="invalid",response_code="invalid_argument"';
    await metrics.expectLines([
      `pubsub_subscription_pull_ack_request_count{${of},${success}} 1`,
      `pubsub_subscription_streaming_pull_ack_request_count{${of},${success}} 1`,
      `pubsub_subscription_mod_ack_deadline_request_count{${of},${invalid}} 1`,
      `pubsub_subscription_streaming_pull_mod_ack_deadline_request_count{${of},${success}} 1`,
    ]);
  });
});

function observed(): {
  broker: Metrics['broker'];
  expectLines: (lines: readonly string[]) => Promise<void>;
} {
  const metrics = metricsOf();
  return {
    broker: metrics.broker,
    async expectLines(lines) {
      const shown = (await textOf(metrics)).split('\n');
      for (const line of lines) expect(shown).toContain(line);
    },
  };
}

describe('push', () => {
  test('is counted by class and code, and timed by code alone', async () => {
    const { broker, ...metrics } = observed();
    broker.delivered(subscription, 'push', 2);
    broker.push(subscription, 'ack', '204', 3);
    broker.push(subscription, 'remote_server_5xx', '503', 4);
    const of = 'project_id="p1",subscription_id="s1"';
    await metrics.expectLines([
      `pubsub_subscription_push_request_count{${of},response_class="ack",response_code="204",delivery_type="push"} 1`,
      `pubsub_subscription_push_request_count{${of},response_class="remote_server_5xx",response_code="503",delivery_type="push"} 1`,
      `pubsub_subscription_push_request_latencies_sum{${of},response_code="503",delivery_type="push"} 4000`,
    ]);
  });

  test('an endpoint that makes up status codes gets a bounded number of series, each once', async () => {
    const metrics = metricsOf();
    metrics.broker.delivered(subscription, 'push', 200);
    for (let code = 400; code < 600; code++) {
      const side = code < 500 ? 'remote_server_4xx' : 'remote_server_5xx';
      metrics.broker.push(subscription, side, String(code), 1);
    }
    const counts = await series(metrics, 'pubsub_subscription_push_request_count');
    expect(counts).toHaveLength(18);
    const timed = await series(metrics, 'pubsub_subscription_push_request_latencies_count');
    expect(timed).toHaveLength(17);
    expect(new Set(timed).size).toBe(17);
    const total = counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    expect(total).toBe(200);
  });
});

test('changes of configuration are counted, and a deletion where it can be seen', async () => {
  const metrics = metricsOf();
  metrics.broker.topicConfig(topic, 'create', 'OK');
  metrics.broker.topicConfig(topic, 'create', 'ALREADY_EXISTS');
  metrics.broker.subscriptionConfig(subscription, 'create', 'NOT_FOUND');
  metrics.broker.topicConfig('projects/p1/topics/t2', 'create', 'OK');
  metrics.broker.topicDeleted('projects/p1/topics/t2');
  metrics.broker.topicConfig('projects/p1/topics/t2', 'delete', 'OK');
  const name = 'pubsub_topic_config_updates_count';
  expect(await series(metrics, name)).toEqual([
    `${name}{project_id="p1",topic_id="t1",operation_type="create",response_code="success"} 1`,
    `${name}{project_id="p1",topic_id="t1",operation_type="create",response_code="already_exists"} 1`,
    `${name}{project_id="_other",topic_id="_other",operation_type="delete",response_code="success"} 1`,
  ]);
  expect(await series(metrics, 'pubsub_subscription_config_updates_count')).toEqual([
    'pubsub_subscription_config_updates_count{project_id="_other",subscription_id="_other",operation_type="create",response_code="not_found"} 1',
  ]);
});

test('what came over WebSocket is counted by subprotocol, code and cause', async () => {
  const metrics = metricsOf();
  const { webSocket } = metrics;
  webSocket.connected('sealpost.v1.json', false);
  webSocket.connected('sealpost.v1.json', true);
  webSocket.disconnected('sealpost.v1.json', 1006);
  webSocket.refused(403);
  webSocket.received(100);
  webSocket.sent(250);
  webSocket.held('unread');
  webSocket.streamCount(3);
  webSocket.detachedCount(2);
  const lines = (await textOf(metrics)).split('\n');
  const of = 'subprotocol="sealpost.v1.json"';
  for (const line of [
    `connections{${of}} 1`,
    `opens_total{${of}} 2`,
    `resumes_total{${of}} 1`,
    `closes_total{${of},code="1006"} 1`,
    'refusals_total{status="403"} 1',
    'received_frames_total 1',
    'received_bytes_total 100',
    'sent_bytes_total 250',
    'holds_total{cause="unread"} 1',
    'streams 3',
    'detached_sessions 2',
  ]) {
    expect(lines).toContain(`sealpost_websocket_${line}`);
  }
});

test('close codes that clients make up do not add series for ever', async () => {
  const metrics = metricsOf();
  for (let code = 4000; code < 4900; code++) {
    metrics.webSocket.connected('sealpost.v1.json', false);
    metrics.webSocket.disconnected('sealpost.v1.json', code);
  }
  const lines = await series(metrics, 'sealpost_websocket_closes_total');
  expect(lines).toHaveLength(33);
  expect(lines.at(-1)).toContain('code="_other"} 868');
});

test('no two metrics share a name in OpenMetrics, which knows counters without their ending', async () => {
  const { body } = await metricsOf().page('application/openmetrics-text');
  const names = [...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(body.endsWith('\n# EOF\n')).toBe(true);
});
