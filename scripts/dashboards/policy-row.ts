import { percentiles, rateBy, type Row } from './panel.ts';
import { ofSnapshots, ofSubscriptions, ofTopics, subscriptions, topics } from './selectors.ts';

export const policyRow: Row = {
  title: 'Dead letters, exactly once, seeks and snapshots',
  panels: [
    {
      title: 'Dead letters',
      description: 'Anything but success: the message stays, and comes again.',
      unit: 'cps',
      queries: [
        [
          rateBy('subscription_id, response_code', ofSubscriptions('dead_letter_message_count')),
          '{{subscription_id}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Exactly-once ids that came to nothing',
      description:
        'Expired: the subscriber was too slow; its message was, or will be, redelivered.',
      unit: 'cps',
      queries: [
        [
          rateBy('operation_type, reason', ofSubscriptions('exactly_once_warning_count')),
          '{{operation_type}} {{reason}}',
        ],
      ],
    },
    {
      title: 'Seeks',
      description: 'Each brings back or acknowledges messages in bulk.',
      unit: 'reqps',
      queries: [
        [
          rateBy('subscription_id, response_code', ofSubscriptions('seek_request_count')),
          '{{subscription_id}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Transforms of topics',
      description: 'How long a message took in them; a publish waits for all of its own.',
      unit: 'ms',
      queries: percentiles('pubsub_topic_message_transform_latencies', topics),
    },
    {
      title: 'Transforms of subscriptions',
      description: 'How long a message took in them before it was delivered.',
      unit: 'ms',
      queries: percentiles('pubsub_subscription_message_transform_latencies', subscriptions),
    },
    {
      title: 'What transforms made of messages',
      description: 'A failure refuses the publish, or has the message come again.',
      unit: 'cps',
      queries: [
        [
          rateBy('topic_id, status, filtered', ofTopics('message_transform_latencies_count')),
          '{{topic_id}} {{status}} filtered {{filtered}}',
        ],
        [
          rateBy(
            'subscription_id, status, filtered',
            ofSubscriptions('message_transform_latencies_count'),
          ),
          '{{subscription_id}} {{status}} filtered {{filtered}}',
        ],
      ],
    },
    {
      title: 'Acknowledged messages retained',
      description: 'What a seek to a time can bring back.',
      unit: 'short',
      queries: [
        [
          `topk(10, sum by (subscription_id) (${ofSubscriptions('num_retained_acked_messages')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Bytes of acknowledged messages',
      description: 'Estimated from the sizes of the segments; the ten largest.',
      unit: 'bytes',
      queries: [
        [
          `topk(10, sum by (subscription_id) (${ofSubscriptions('retained_acked_bytes')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Oldest acknowledged message',
      description: 'How far back a seek reaches now.',
      unit: 's',
      queries: [
        [
          `topk(10, max by (subscription_id) (${ofSubscriptions('oldest_retained_acked_message_age')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Messages of snapshots',
      description: 'What a seek would bring back; it stays on the disk for so long.',
      unit: 'short',
      queries: [
        [`topk(10, sum by (snapshot_id) (${ofSnapshots('num_messages')}))`, '{{snapshot_id}}'],
      ],
    },
    {
      title: 'Bytes of snapshots',
      description: 'Estimated from the sizes of the segments.',
      unit: 'bytes',
      queries: [
        [`topk(10, sum by (snapshot_id) (${ofSnapshots('backlog_bytes')}))`, '{{snapshot_id}}'],
      ],
    },
    {
      title: 'Oldest message of snapshots',
      description: 'A snapshot lives for seven days less the age that its oldest message had.',
      unit: 's',
      queries: [
        [
          `topk(10, max by (snapshot_id) (${ofSnapshots('oldest_message_age')}))`,
          '{{snapshot_id}}',
        ],
      ],
    },
    {
      title: 'Snapshots created and changed',
      description: 'By operation and response.',
      unit: 'reqps',
      queries: [
        [
          rateBy('operation_type, response_code', ofSnapshots('config_updates_count')),
          '{{operation_type}} {{response_code}}',
        ],
      ],
    },
  ],
};
