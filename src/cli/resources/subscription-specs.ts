import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';
import { deliveryChangeOptions, newDeliveryOptions } from './delivery-options.ts';
import { transformsOption } from './message-transforms.ts';
import { idsOption, labelOption } from './topic-specs.ts';

export const subscriptionArgument: ArgumentSpec = {
  name: 'SUBSCRIPTION',
  completes: 'subscriptions',
};

const settings: readonly OptionSpec[] = [
  {
    name: 'ack-deadline',
    placeholder: 'TIME',
    kind: 'duration',
    range: [10_000, 600_000],
    doc: 'Time to acknowledge a message before it comes again: 10s to 10m [10s].',
  },
  {
    name: 'retention',
    placeholder: 'TIME',
    kind: 'duration',
    doc: 'How long messages wait: 10m to 31d [7d].',
  },
  {
    name: 'expiration-period',
    placeholder: 'TIME',
    doc: 'Time without any use after which it goes, or never [31d].',
  },
];

const pushOptions: readonly OptionSpec[] = [
  { name: 'push-endpoint', placeholder: 'URL', doc: 'Send messages there as HTTP requests.' },
  {
    name: 'push-service-account',
    placeholder: 'EMAIL',
    doc: 'Sign a token for each request in the name of this account.',
  },
  {
    name: 'push-audience',
    placeholder: 'TEXT',
    doc: "The token's audience [the endpoint's URL].",
  },
  { name: 'push-no-wrapper', doc: "Send a message's data as the body, not JSON around it." },
  {
    name: 'push-write-metadata',
    doc: 'Send attributes and ids as headers; with --push-no-wrapper.',
  },
];

export const subscriptionsSpec: CommandSpec = {
  name: 'subscriptions',
  summary: 'Create, show, change and delete subscriptions.',
  commands: [
    {
      name: 'create',
      summary: 'Create a subscription; it gets what is published from now on.',
      arguments: [{ name: 'SUBSCRIPTION' }],
      options: [
        { name: 'topic', placeholder: 'TOPIC', completes: 'topics', doc: 'Its topic; needed.' },
        ...settings,
        { name: 'retain-acked', doc: 'Keep acknowledged messages until their retention ends.' },
        labelOption,
        transformsOption,
        ...newDeliveryOptions,
        ...pushOptions,
      ],
      examples: [
        {
          line: 'sealpost subscriptions create kitchen --topic orders --ack-deadline 1m',
          does: 'one that programs pull from',
        },
        {
          line: 'sealpost subscriptions create hook --topic orders --push-endpoint http://127.0.0.1:9000/orders',
          does: 'one that sends its messages to a web server',
        },
      ],
      load: async () => (await import('./subscription-actions.ts')).createSubscription,
    },
    {
      name: 'list',
      summary: 'List the subscriptions of the project.',
      options: [idsOption],
      examples: [{ line: 'sealpost subscriptions list', does: 'names, topics and settings' }],
      load: async () => (await import('./subscription-actions.ts')).listSubscriptions,
    },
    {
      name: 'describe',
      summary: 'Show a subscription.',
      arguments: [subscriptionArgument],
      examples: [
        { line: 'sealpost subscriptions describe kitchen', does: 'everything that is set' },
      ],
      load: async () => (await import('./subscription-actions.ts')).describeSubscription,
    },
    {
      name: 'update',
      summary: 'Change a subscription; what is not named stays.',
      arguments: [subscriptionArgument],
      options: [
        ...settings,
        { name: 'retain-acked', doc: 'Keep acknowledged messages until their retention ends.' },
        { name: 'clear-retain-acked', doc: 'Drop messages once they are acknowledged.' },
        labelOption,
        { name: 'clear-labels', doc: 'Remove all labels.' },
        transformsOption,
        { name: 'clear-transforms', doc: 'Deliver messages as they are stored.' },
        ...deliveryChangeOptions,
      ],
      examples: [
        {
          line: 'sealpost subscriptions update kitchen --ack-deadline 5m',
          does: 'more time for each message',
        },
        {
          line: 'sealpost subscriptions update kitchen --dead-letter-topic failed-orders --max-delivery-attempts 10',
          does: 'what failed ten times goes to another topic',
        },
      ],
      load: async () => (await import('./subscription-actions.ts')).updateSubscription,
    },
    {
      name: 'modify-push-config',
      summary: 'Change where messages are sent, or make programs pull them again.',
      arguments: [subscriptionArgument],
      options: [...pushOptions, { name: 'clear', doc: 'Send no more: programs pull.' }],
      examples: [
        {
          line: 'sealpost subscriptions modify-push-config hook --clear',
          does: 'from push to pull',
        },
      ],
      load: async () => (await import('./subscription-actions.ts')).modifyPushConfig,
    },
    {
      name: 'seek',
      summary: 'Go back or forward to a time or a snapshot.',
      details:
        'A time in the future acknowledges all that was published until now. Going back needs messages\nthat were kept: see --retain-acked, and --retention of the topic.',
      arguments: [subscriptionArgument],
      options: [
        {
          name: 'time',
          placeholder: 'TIME',
          doc: 'Where to: 2026-01-31T12:00:00Z, or a duration ago.',
        },
        {
          name: 'snapshot',
          placeholder: 'SNAPSHOT',
          completes: 'snapshots',
          doc: 'Where to: a snapshot of the same topic.',
        },
      ],
      examples: [
        { line: 'sealpost subscriptions seek kitchen --time 2h', does: 'the last two hours again' },
        {
          line: 'sealpost subscriptions seek kitchen --snapshot before-deploy',
          does: 'as it was when the snapshot was made',
        },
      ],
      load: async () => (await import('./replay-actions.ts')).seekSubscription,
    },
    {
      name: 'peek',
      summary: 'Show what waits in a subscription, without taking it.',
      details:
        'Nothing is leased, counted, held up or kept from expiring. Messages are shown as they are stored,\nbefore any transform of the subscription. Who looks is in the audit log.',
      arguments: [subscriptionArgument],
      options: [
        {
          name: 'limit',
          placeholder: 'N',
          kind: 'number',
          range: [1, 10_000],
          doc: 'Messages, at most, the oldest first [10].',
        },
        { name: 'attributes', doc: 'Show attributes too; --json always has them.' },
        {
          name: 'max-bytes',
          placeholder: 'N',
          kind: 'number',
          range: [1, 4_194_304],
          doc: 'Bytes of messages, at most, beside a single larger one; no more than 100 messages.',
        },
      ],
      examples: [
        { line: 'sealpost subscriptions peek kitchen', does: 'the ten that wait longest' },
        {
          line: 'sealpost subscriptions peek kitchen --limit 100 --attributes',
          does: 'more of them, with their attributes',
        },
      ],
      load: async () => (await import('../messages/peek-action.ts')).peek,
    },
    {
      name: 'detach',
      summary: 'Take a subscription from its topic: its messages are dropped, and it gets no more.',
      arguments: [subscriptionArgument],
      examples: [
        {
          line: 'sealpost subscriptions detach kitchen',
          does: 'for good; it cannot be attached again',
        },
      ],
      load: async () => (await import('./replay-actions.ts')).detachSubscription,
    },
    {
      name: 'delete',
      summary: 'Delete a subscription and what waits in it.',
      arguments: [subscriptionArgument],
      examples: [{ line: 'sealpost subscriptions delete hook', does: 'at once, without asking' }],
      load: async () => (await import('./subscription-actions.ts')).deleteSubscription,
    },
  ],
};
