import type { OptionSpec } from '../command/command-spec.ts';

/** How a subscription deals with messages that are not acknowledged; named as gcloud names them. */
export const failureOptions: readonly OptionSpec[] = [
  {
    name: 'dead-letter-topic',
    placeholder: 'TOPIC',
    completes: 'topics',
    doc: 'Topic for messages that fail too often.',
  },
  {
    name: 'max-delivery-attempts',
    placeholder: 'NUMBER',
    kind: 'number',
    range: [5, 100],
    doc: 'Failures after which a message goes there, 5 to 100 [5].',
  },
  {
    name: 'min-retry-delay',
    placeholder: 'TIME',
    kind: 'duration',
    doc: 'Wait after the first failure of a message, 0s to 10m [none; 10s with --max-retry-delay].',
  },
  {
    name: 'max-retry-delay',
    placeholder: 'TIME',
    kind: 'duration',
    doc: 'Longest wait, as it doubles with each failure, up to 10m [none; 10m with --min-retry-delay].',
  },
];

const exactlyOnceOption: OptionSpec = {
  name: 'enable-exactly-once-delivery',
  doc: 'Deliver no message again once its acknowledgement was answered.',
};

/** Those that a new subscription takes. */
export const newDeliveryOptions: readonly OptionSpec[] = [
  {
    name: 'enable-message-ordering',
    doc: 'Deliver messages of one ordering key in their order; for good.',
  },
  exactlyOnceOption,
  {
    name: 'message-filter',
    placeholder: 'FILTER',
    doc: `Expression over attributes that messages must meet; for good.`,
  },
  ...failureOptions,
];

/** Those that change one. */
export const deliveryChangeOptions: readonly OptionSpec[] = [
  exactlyOnceOption,
  {
    name: 'no-enable-exactly-once-delivery',
    doc: 'Deliver at least once, as is the default.',
  },
  ...failureOptions,
  { name: 'clear-dead-letter-policy', doc: 'Deliver messages however often they fail.' },
  { name: 'clear-retry-policy', doc: 'Deliver what failed again at once.' },
];
