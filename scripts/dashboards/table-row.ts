import type { Row } from './panel.ts';
import { ofSubscriptions, ofTopics, subscriptions, topics } from './selectors.ts';

export const tableRow: Row = {
  title: 'Each topic and subscription',
  panels: [
    {
      title: 'Topics',
      description: 'The last five minutes, and what is retained now.',
      kind: 'table',
      unit: 'none',
      width: 24,
      columns: [
        ['messages/s', 'cps'],
        ['bytes/s', 'Bps'],
        ['requests/s', 'reqps'],
        ['retained', 'short'],
        ['oldest retained', 's'],
        ['key usable', 'bool_yes_no'],
      ],
      queries: [
        [`sum by (project_id, topic_id) (rate(${ofTopics('message_sizes_count')}[5m]))`],
        [`sum by (project_id, topic_id) (rate(${ofTopics('message_sizes_sum')}[5m]))`],
        [`sum by (project_id, topic_id) (rate(${ofTopics('send_request_count')}[5m]))`],
        [`sum by (project_id, topic_id) (${ofTopics('num_retained_messages')})`],
        [`max by (project_id, topic_id) (${ofTopics('oldest_retained_message_age')})`],
        [`min by (project_id, topic_id) (sealpost_topic_key_usable${topics})`],
      ],
    },
    {
      title: 'Subscriptions',
      description: 'What waits now, and the last five minutes.',
      kind: 'table',
      unit: 'none',
      width: 24,
      columns: [
        ['waiting', 'short'],
        ['oldest', 's'],
        ['bytes', 'bytes'],
        ['outstanding', 'short'],
        ['sent/s', 'cps'],
        ['acked/s', 'cps'],
        ['expired/s', 'cps'],
      ],
      queries: [
        [`sum by (project_id, subscription_id) (${ofSubscriptions('num_undelivered_messages')})`],
        [`max by (project_id, subscription_id) (${ofSubscriptions('oldest_unacked_message_age')})`],
        [`sum by (project_id, subscription_id) (${ofSubscriptions('backlog_bytes')})`],
        [
          `sum by (project_id, subscription_id) (sealpost_subscription_outstanding_messages${subscriptions})`,
        ],
        [
          `sum by (project_id, subscription_id) (rate(${ofSubscriptions('sent_message_count')}[5m]))`,
        ],
        [
          `sum by (project_id, subscription_id) (rate(${ofSubscriptions('ack_message_count')}[5m]))`,
        ],
        [
          `sum by (project_id, subscription_id) (rate(${ofSubscriptions('expired_ack_deadlines_count')}[5m]))`,
        ],
      ],
    },
  ],
};
