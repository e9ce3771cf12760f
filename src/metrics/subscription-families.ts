import type { DeliveryType } from '../broker/index.ts';
import { labelText } from './page/exposition.ts';
import type { CodeCounts } from './response-labels.ts';
import type { RowFamily } from './page/row-family.ts';
import type { SubscriptionSeries, TypeCounts } from './subscription-series.ts';

type SubscriptionFamily = RowFamily<SubscriptionSeries>;

const prefix = 'pubsub_subscription_';

/** Every counter and histogram of subscriptions. `nowMs`: the monotonic clock. */
export function subscriptionFamilies(nowMs: () => number): readonly SubscriptionFamily[] {
  return [...requestFamilies, ...messageFamilies, ...aliasFamilies, ...recentFamilies(nowMs)];
}

const requestFamilies: readonly SubscriptionFamily[] = [
  requests('pull_request_count', 'Unary pull requests', (row) => row.pulls),
  requests(
    'streaming_pull_response_count',
    'Responses and ends of streaming pulls',
    (row) => row.streamResponses,
  ),
  requests('pull_ack_request_count', 'Unary acknowledge requests', (row) => row.ackRequests.pull),
  requests(
    'streaming_pull_ack_request_count',
    'Requests on streams that acknowledge',
    (row) => row.ackRequests['streaming pull'],
  ),
  requests(
    'mod_ack_deadline_request_count',
    'Unary requests to modify deadlines',
    (row) => row.modAckRequests.pull,
  ),
  requests(
    'streaming_pull_mod_ack_deadline_request_count',
    'Requests on streams that modify deadlines',
    (row) => row.modAckRequests['streaming pull'],
  ),
  counter('seek_request_count', 'Seeks, by response.', (row, page, name) =>
    row.writeSeeks(page, name),
  ),
  counter(
    'push_request_count',
    'Push requests, by the answer of the endpoint.',
    (row, page, name) => row.writePushCounts(page, name),
  ),
  {
    name: `${prefix}push_request_latencies`,
    help: 'Microseconds from a push request to the answer of the endpoint.',
    type: 'histogram',
    write: (row, page, name) => row.writePushLatencies(page, name),
  },
  counter(
    'config_updates_count',
    'Subscriptions created, changed and deleted, or refused to be.',
    (row, page, name) => row.config.write(page, name, row.labels),
  ),
];

const messageFamilies: readonly SubscriptionFamily[] = [
  {
    name: `${prefix}message_transform_latencies`,
    help: 'Milliseconds that the transforms of a subscription took for a message, by what came of it.',
    type: 'histogram',
    write: (row, page, name) => row.writeTransforms(page, name),
  },
  messages('sent_message_count', 'Messages sent, redeliveries included.', (row) => row.sent),
  counter(
    'ack_message_count',
    'Messages acknowledged; those that the filter kept away as delivery type filter.',
    (row, page, name) => row.writeAcked(page, name),
  ),
  counter(
    'dead_letter_message_count',
    'Messages published to the dead letter topic, or that could not be, by response.',
    (row, page, name) => row.writeDeadLetters(page, name),
  ),
  counter(
    'exactly_once_warning_count',
    'Ack ids of an exactly-once subscription that did not do what was asked, by reason.',
    (row, page, name) => row.writeWarnings(page, name),
  ),
  messages(
    'mod_ack_deadline_message_count',
    'Messages whose deadline was modified.',
    (row) => row.modAcked,
  ),
  messages(
    'expired_ack_deadlines_count',
    'Messages whose deadline passed while they were outstanding.',
    (row) => row.expiries,
  ),
  {
    name: `${prefix}ack_latencies`,
    help: 'Milliseconds from the delivery of a message to its ack.',
    type: 'histogram',
    write: (row, page, name) => row.writeAckLatencies(page, name),
  },
  {
    name: 'sealpost_subscription_nacked_messages_total',
    help: 'Messages given back.',
    type: 'counter',
    write: (row, page, name) => row.nacks.write(page, name, row.labels),
  },
];

const aliasFamilies: readonly SubscriptionFamily[] = [
  alias('pull_message_operation_count', 'sent_message_count', (row) => row.sent, 'pull'),
  alias(
    'streaming_pull_message_operation_count',
    'sent_message_count',
    (row) => row.sent,
    'streaming pull',
  ),
  alias('pull_ack_message_operation_count', 'ack_message_count', (row) => row.acked, 'pull'),
  alias(
    'streaming_pull_ack_message_operation_count',
    'ack_message_count',
    (row) => row.acked,
    'streaming pull',
  ),
  alias(
    'mod_ack_deadline_message_operation_count',
    'mod_ack_deadline_message_count',
    (row) => row.modAcked,
    'pull',
  ),
  alias(
    'streaming_pull_mod_ack_deadline_message_operation_count',
    'mod_ack_deadline_message_count',
    (row) => row.modAcked,
    'streaming pull',
  ),
];

function recentFamilies(nowMs: () => number): readonly SubscriptionFamily[] {
  return [
    {
      name: `${prefix}nack_requests`,
      help: 'Messages given back in the last minute.',
      type: 'gauge',
      write: (row, page, name) => row.writeRecentNacks(page, name, nowMs()),
    },
    {
      name: `${prefix}delivery_latency_health_score`,
      help: '1 where the last ten minutes show nothing that slows delivery, else 0; by criterion.',
      type: 'gauge',
      write: (row, page, name) => row.writeHealth(page, name, nowMs()),
    },
  ];
}

function counter(
  name: string,
  help: string,
  write: SubscriptionFamily['write'],
): SubscriptionFamily {
  return { name: prefix + name, help, type: 'counter', write };
}

function requests(
  name: string,
  what: string,
  countsOf: (row: SubscriptionSeries) => CodeCounts,
): SubscriptionFamily {
  return counter(name, `${what}, by response.`, (row, page, full) =>
    countsOf(row).write(page, full, row.labels),
  );
}

function messages(
  name: string,
  help: string,
  countsOf: (row: SubscriptionSeries) => TypeCounts,
): SubscriptionFamily {
  return counter(name, help, (row, page, full) => countsOf(row).write(page, full, row.labels));
}

/** What Google deprecated, for dashboards that still ask for it. Refused messages are not known. */
function alias(
  name: string,
  successor: string,
  countsOf: (row: SubscriptionSeries) => TypeCounts,
  type: DeliveryType,
): SubscriptionFamily {
  const success = labelText({ response_code: 'success' });
  return counter(
    name,
    `Deprecated by Google: messages of ${successor} by ${type}.`,
    (row, page, full) => {
      const count = countsOf(row).of(type);
      if (count > 0) page.sample(full, `${row.labels},${success}`, count);
    },
  );
}
