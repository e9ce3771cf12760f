import { percentiles, rateBy, rateOf, type Dashboard, type Row } from './panel.ts';
import { backlogRow, deliveryRow } from './delivery-rows.ts';
import { ofSubscriptions, ofTopics, subscriptions, topics } from './selectors.ts';
import { policyRow } from './policy-row.ts';
import { tableRow } from './table-row.ts';
import { websocketRow } from './websocket-row.ts';

const overview: Row = {
  title: 'Now',
  panels: [
    {
      title: 'Published',
      description: 'Messages published a second, all topics chosen above.',
      kind: 'stat',
      unit: 'cps',
      width: 4,
      queries: [[rateOf(ofTopics('message_sizes_count'))]],
    },
    {
      title: 'Sent',
      description: 'Messages sent to subscribers a second, redeliveries included.',
      kind: 'stat',
      unit: 'cps',
      width: 4,
      queries: [[rateOf(ofSubscriptions('sent_message_count'))]],
    },
    {
      title: 'Waiting',
      description: 'Messages not yet acknowledged, all subscriptions together.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      thresholds: [
        [1000, 'yellow'],
        [100_000, 'red'],
      ],
      queries: [[`sum(${ofSubscriptions('num_undelivered_messages')})`]],
    },
    {
      title: 'Oldest waiting',
      description: 'Age of the oldest message that any subscription has not acknowledged.',
      kind: 'stat',
      unit: 's',
      width: 4,
      thresholds: [
        [60, 'yellow'],
        [600, 'red'],
      ],
      queries: [[`max(${ofSubscriptions('oldest_unacked_message_age')})`]],
    },
    {
      title: 'Publishes that fail',
      description: 'Share of publish requests that were not answered with success.',
      kind: 'stat',
      unit: 'percentunit',
      width: 4,
      thresholds: [
        [0.001, 'yellow'],
        [0.01, 'red'],
      ],
      queries: [
        [
          // Where every publish fails, or none does, one of the two has no series.
          `(${rateOf(ofTopics('send_request_count', ',response_class!="success"'))} or vector(0)) / ` +
            `(${rateOf(ofTopics('send_request_count'))} > 0)`,
        ],
      ],
    },
    {
      title: 'Open streams',
      description: 'Streaming pulls that are open, over gRPC and WebSocket.',
      kind: 'stat',
      unit: 'short',
      width: 4,
      queries: [[`sum(${ofSubscriptions('open_streaming_pulls')})`]],
    },
  ],
};

const publish: Row = {
  title: 'Publish',
  panels: [
    {
      title: 'Publish requests by response',
      description:
        'failed_precondition: the key of the topic cannot be used. not_found counts under _other.',
      unit: 'reqps',
      queries: [[rateBy('response_code', ofTopics('send_request_count')), '{{response_code}}']],
    },
    {
      title: 'Messages published, busiest topics',
      description: 'Messages a second of the ten topics with the most.',
      unit: 'cps',
      queries: [
        [`topk(10, ${rateBy('topic_id', ofTopics('message_sizes_count'))})`, '{{topic_id}}'],
      ],
    },
    {
      title: 'Bytes published, busiest topics',
      description: 'Bytes of messages a second, as they are sealed.',
      unit: 'Bps',
      queries: [[`topk(10, ${rateBy('topic_id', ofTopics('message_sizes_sum'))})`, '{{topic_id}}']],
    },
    {
      title: 'Publish latency',
      description: 'From a request to its answer: sealed, and on disk.',
      unit: 'µs',
      thresholds: [[500_000, 'red']],
      queries: percentiles('pubsub_topic_send_request_latencies', topics),
    },
    {
      title: 'Message size',
      description: 'Bytes of a message as it is sealed.',
      unit: 'bytes',
      queries: percentiles('pubsub_topic_message_sizes', topics),
    },
    {
      title: 'Changes of configuration',
      description: 'Topics and subscriptions created, changed, deleted; deletions are in _other.',
      unit: 'reqps',
      queries: [
        [
          rateBy('operation_type, response_code', 'pubsub_topic_config_updates_count'),
          'topic {{operation_type}} {{response_code}}',
        ],
        [
          rateBy('operation_type, response_code', 'pubsub_subscription_config_updates_count'),
          'subscription {{operation_type}} {{response_code}}',
        ],
      ],
    },
  ],
};

const push: Row = {
  title: 'Push',
  panels: [
    {
      title: 'Push requests by class',
      description: 'ack: the endpoint took it. unreachable and 5xx: look at the endpoint.',
      unit: 'reqps',
      queries: [
        [rateBy('response_class', ofSubscriptions('push_request_count')), '{{response_class}}'],
      ],
    },
    {
      title: 'Push latency',
      description: 'From a request to the answer of the endpoint.',
      unit: 'µs',
      queries: percentiles('pubsub_subscription_push_request_latencies', subscriptions),
    },
    {
      title: 'At endpoints',
      description: 'Messages that endpoints have and have not answered; slow start sets the limit.',
      unit: 'short',
      queries: [
        [
          `sum by (subscription_id) (${ofSubscriptions('num_outstanding_messages')})`,
          '{{subscription_id}}',
        ],
        [
          `count by (subscription_state) (${ofSubscriptions('export_push_subscription_details')})`,
          'subscriptions, {{subscription_state}}',
        ],
      ],
    },
  ],
};

export const brokerDashboard: Dashboard = {
  uid: 'sealpost-broker',
  title: 'Sealpost: broker',
  description: 'Publish, delivery, backlog, push, streams and WebSocket.',
  variables: [
    {
      name: 'project',
      label: 'Project',
      query: 'label_values(pubsub_subscription_num_undelivered_messages, project_id)',
    },
    {
      name: 'topic',
      label: 'Topic',
      query: 'label_values(pubsub_topic_num_retained_messages{project_id=~"$project"}, topic_id)',
    },
    {
      name: 'subscription',
      label: 'Subscription',
      query:
        'label_values(pubsub_subscription_num_undelivered_messages{project_id=~"$project"}, subscription_id)',
    },
  ],
  rows: [overview, publish, deliveryRow, backlogRow, policyRow, push, websocketRow, tableRow],
};
