import { percentiles, rateBy, rateOf, type Row } from './panel.ts';
import { ofSubscriptions, ofTopics, subscriptions } from './selectors.ts';

export const deliveryRow: Row = {
  title: 'Delivery',
  panels: [
    {
      title: 'Messages sent and acknowledged',
      description: 'By the way in which they reach their subscriber. Sent above acked: redelivery.',
      unit: 'cps',
      queries: [
        [rateBy('delivery_type', ofSubscriptions('sent_message_count')), 'sent, {{delivery_type}}'],
        [rateBy('delivery_type', ofSubscriptions('ack_message_count')), 'acked, {{delivery_type}}'],
      ],
    },
    {
      title: 'From delivery to ack',
      description: 'How long subscribers take. Near the deadline, messages come twice.',
      unit: 'ms',
      thresholds: [[30_000, 'red']],
      queries: percentiles('pubsub_subscription_ack_latencies', subscriptions),
    },
    {
      title: 'Given back and expired',
      description: 'Nacks are refusals; expired deadlines are subscribers too slow, or gone.',
      unit: 'cps',
      queries: [
        [
          rateBy('subscription_id', ofSubscriptions('expired_ack_deadlines_count')),
          'expired, {{subscription_id}}',
        ],
        [
          rateBy('subscription_id', `sealpost_subscription_nacked_messages_total${subscriptions}`),
          'nacked, {{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Pull requests and stream responses',
      description: 'A stream always ends with an error; watch failed_precondition and not_found.',
      unit: 'reqps',
      queries: [
        [rateBy('response_code', ofSubscriptions('pull_request_count')), 'pull {{response_code}}'],
        [
          rateBy('response_code', ofSubscriptions('streaming_pull_response_count')),
          'stream {{response_code}}',
        ],
      ],
    },
    {
      title: 'Requests that acknowledge or modify',
      description: 'Alone and on streams.',
      unit: 'reqps',
      queries: [
        [rateOf(ofSubscriptions('pull_ack_request_count')), 'ack'],
        [rateOf(ofSubscriptions('streaming_pull_ack_request_count')), 'ack on a stream'],
        [rateOf(ofSubscriptions('mod_ack_deadline_request_count')), 'modify'],
        [
          rateOf(ofSubscriptions('streaming_pull_mod_ack_deadline_request_count')),
          'modify on a stream',
        ],
      ],
    },
    {
      title: 'Deadlines modified',
      description: 'Messages whose deadline was moved. Many: subscribers hold what they cannot do.',
      unit: 'cps',
      queries: [
        [
          rateBy('delivery_type', ofSubscriptions('mod_ack_deadline_message_count')),
          '{{delivery_type}}',
        ],
      ],
    },
    {
      title: 'Unary pull, waiting included',
      description: 'From a pull to its answer; a pull of an empty subscription waits.',
      unit: 's',
      queries: percentiles('sealpost_pull_seconds'),
    },
    {
      title: 'Health of delivery',
      description: '1: the last ten minutes show nothing that slows delivery; the worst of all.',
      unit: 'none',
      queries: [
        [`min by (criteria) (${ofSubscriptions('delivery_latency_health_score')})`, '{{criteria}}'],
      ],
    },
    {
      title: 'Nacks in the last minute',
      description: "Google's gauge; the counter is in the panel of what was given back.",
      unit: 'short',
      queries: [
        [
          `topk(10, sum by (subscription_id) (${ofSubscriptions('nack_requests')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
  ],
};

export const backlogRow: Row = {
  title: 'Backlog',
  panels: [
    {
      title: 'Messages waiting',
      description: 'Not yet acknowledged, outstanding ones included; the ten largest.',
      unit: 'short',
      queries: [
        [
          `topk(10, sum by (subscription_id) (${ofSubscriptions('num_undelivered_messages')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Oldest message waiting',
      description: 'Climbs by a second each second while nothing is acknowledged.',
      unit: 's',
      thresholds: [[600, 'red']],
      queries: [
        [
          `topk(10, max by (subscription_id) (${ofSubscriptions('oldest_unacked_message_age')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Bytes waiting',
      description: 'Of the messages not yet acknowledged; the ten largest.',
      unit: 'bytes',
      queries: [
        [
          `topk(10, sum by (subscription_id) (${ofSubscriptions('backlog_bytes')}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Outstanding',
      description: 'Delivered, deadline not passed. At --outstanding-max delivery waits for acks.',
      unit: 'short',
      queries: [
        [
          `topk(10, sum by (subscription_id) (sealpost_subscription_outstanding_messages${subscriptions}))`,
          '{{subscription_id}}',
        ],
      ],
    },
    {
      title: 'Streams by what holds them',
      description: 'Suspended ones wait for the subscriber: its limits are full, or it reads late.',
      unit: 'short',
      isStacked: true,
      queries: [[`sum by (status) (${ofSubscriptions('open_streaming_pulls')})`, '{{status}}']],
    },
    {
      title: 'Retained by topics',
      description: "What the topics' own retention keeps, acknowledged or not.",
      unit: 'bytes',
      queries: [[`topk(10, sum by (topic_id) (${ofTopics('retained_bytes')}))`, '{{topic_id}}']],
    },
  ],
};
