import { usageError } from '../command/command-error.ts';
import type { Action, Call } from '../command/command-spec.ts';
import { durationMs } from '../command/flags.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { shortId } from '../connection/resource-names.ts';
import { fieldLines } from '../output/table.ts';
import { changedPolicies, newPolicies } from './delivery-policies.ts';
import { transformLines, transformsRule } from './message-transforms.ts';
import { endpointOf, pushConfigOf } from './push-config.ts';
import {
  changedFields,
  durationField,
  durationText,
  labelText,
  labelsRule,
  newFields,
  type FieldRule,
} from './resource-change.ts';

const rules: readonly FieldRule[] = [
  {
    field: 'ackDeadlineSeconds',
    path: 'ack_deadline_seconds',
    option: 'ack-deadline',
    value: (call, option) => call.flags.duration(option)! / 1000,
  },
  {
    field: 'messageRetentionDuration',
    path: 'message_retention_duration',
    option: 'retention',
    value: durationField,
  },
  {
    field: 'expirationPolicy',
    path: 'expiration_policy',
    option: 'expiration-period',
    value: (call, option) => expirationOf(call.flags.text(option)!),
  },
  {
    field: 'retainAckedMessages',
    path: 'retain_acked_messages',
    option: 'retain-acked',
    value: () => true,
  },
  {
    field: 'enableExactlyOnceDelivery',
    path: 'enable_exactly_once_delivery',
    option: 'enable-exactly-once-delivery',
    value: () => true,
  },
  labelsRule,
  transformsRule,
];

/** What a subscription keeps for good. */
const newRules: readonly FieldRule[] = [
  ...rules,
  {
    field: 'enableMessageOrdering',
    path: 'enable_message_ordering',
    option: 'enable-message-ordering',
    value: () => true,
  },
  {
    field: 'filter',
    path: 'filter',
    option: 'message-filter',
    value: ({ flags }, option) => flags.text(option),
  },
];

const clearing: Readonly<Record<string, string>> = {
  'retain-acked': 'clear-retain-acked',
  'enable-exactly-once-delivery': 'no-enable-exactly-once-delivery',
};

const changeRules: readonly FieldRule[] = rules.map((rule) => {
  const clearedBy = clearing[rule.option];
  return clearedBy === undefined ? rule : { ...rule, clearedBy };
});

function expirationOf(text: string): Json {
  if (text === 'never') return {};
  const ms = durationMs(text);
  if (ms !== undefined) return { ttl: `${ms / 1000}s` };
  throw usageError(`--expiration-period must be a duration such as 31d, or never, not "${text}".`);
}

function named({ arguments: [subscription = ''] }: Call, { names }: Tools): string {
  return names.subscription(subscription);
}

export const createSubscription: Action = async (call, tools) => {
  const name = named(call, tools);
  const topicText = call.flags.text('topic');
  if (topicText === undefined)
    throw usageError('A subscription needs a topic.', 'Add --topic TOPIC.');
  const topic = tools.names.topic(topicText);
  const pushConfig = pushConfigOf(call);
  const fields = {
    ...newFields(call, newRules),
    ...newPolicies(call, tools.names).fields,
    ...(pushConfig === undefined ? {} : { pushConfig }),
  };
  const subscription = await tools.api.put(name, { topic, ...fields });
  const next =
    pushConfig === undefined
      ? `Next: sealpost subscribe ${call.arguments[0]!}`
      : `What is published to it is sent to ${endpointOf(subscription)}.`;
  tools.out.result(subscription, [`Created ${name} on ${topic}.`, next]);
};

const subscriptionRow = (subscription: Json): string[] => [
  shortId(textIn(subscription, 'name')),
  shortId(textIn(subscription, 'topic')),
  `${textIn(subscription, 'ackDeadlineSeconds')}s`,
  durationText(subscription['messageRetentionDuration']),
  endpointOf(subscription),
  labelText(subscription['labels']),
];

export const listSubscriptions: Action = async ({ flags }, { api, names, out }) => {
  const project = names.project();
  const subscriptions = await api.list(`projects/${project}/subscriptions`, 'subscriptions');
  if (flags.isSet('ids')) {
    for (const subscription of subscriptions) out.line(shortId(textIn(subscription, 'name')));
    return;
  }
  const columns = ['SUBSCRIPTION', 'TOPIC', 'ACK DEADLINE', 'RETENTION', 'PUSH TO', 'LABELS'];
  const titles = columns.map((title) => ({ title }));
  out.list(subscriptions, titles, subscriptionRow, `There are no subscriptions in ${project}.`);
};

export const describeSubscription: Action = async (call, tools) => {
  const subscription = await tools.api.get(named(call, tools));
  const { ttl } = (subscription['expirationPolicy'] ?? {}) as { ttl?: string };
  const isRetaining = subscription['retainAckedMessages'] === true;
  const lines = fieldLines([
    ['Subscription', textIn(subscription, 'name')],
    ['Topic', textIn(subscription, 'topic')],
    ['Ack deadline', `${textIn(subscription, 'ackDeadlineSeconds')}s`],
    ['Retention', durationText(subscription['messageRetentionDuration'])],
    ['Acknowledged', isRetaining ? 'kept until the retention ends' : 'dropped'],
    ['Expires', ttl === undefined ? 'never' : `${durationText(ttl)} without use`],
    ['Push to', endpointOf(subscription) || 'nowhere: programs pull'],
    ...deliveryLines(subscription),
    ...transformLines(subscription),
    ['State', textIn(subscription, 'state') || 'ACTIVE'],
    ['Labels', labelText(subscription['labels'])],
  ]);
  tools.out.result(subscription, lines);
};

/** Without what is not set. */
function deliveryLines(subscription: Json): [string, string][] {
  const isOn = (field: string): boolean => subscription[field] === true;
  const letters = subscription['deadLetterPolicy'] as Json | undefined;
  const retry = subscription['retryPolicy'] as Json | undefined;
  const delays = [retry?.['minimumBackoff'], retry?.['maximumBackoff']].map(durationText);
  return [
    ['Order', isOn('enableMessageOrdering') ? 'kept for each ordering key' : ''],
    ['Exactly once', isOn('enableExactlyOnceDelivery') ? 'yes' : ''],
    ['Filter', textIn(subscription, 'filter')],
    [
      'Dead letters',
      letters === undefined
        ? ''
        : `to ${textIn(letters, 'deadLetterTopic')} after ${textIn(letters, 'maxDeliveryAttempts')} failures`,
    ],
    ['Retry', retry === undefined ? '' : `after ${delays.join(' to ')}`],
    ['Detached', isOn('detached') ? 'yes: it gets nothing from its topic' : ''],
  ];
}

export const updateSubscription: Action = async (call, tools) => {
  const name = named(call, tools);
  const policies = await changedPolicies(call, tools.names, () => tools.api.get(name));
  const { fields, updateMask } = changedFields(call, changeRules, policies);
  const body = { subscription: { name, ...fields }, updateMask };
  tools.out.result(await tools.api.patch(name, body), [`Updated ${name}.`]);
};

export const modifyPushConfig: Action = async (call, tools) => {
  const name = named(call, tools);
  const isCleared = call.flags.isSet('clear');
  const pushConfig = pushConfigOf(call);
  if (isCleared === (pushConfig !== undefined)) {
    throw usageError('Give either --push-endpoint or --clear.');
  }
  await tools.api.post(`${name}:modifyPushConfig`, { pushConfig: pushConfig ?? {} });
  const line =
    pushConfig === undefined
      ? `${name} is pulled from now on.`
      : `${name} is pushed to ${textIn(pushConfig, 'pushEndpoint')}.`;
  tools.out.result({ name, pushConfig: pushConfig ?? {} }, [line]);
};

export const deleteSubscription: Action = async (call, tools) => {
  const name = named(call, tools);
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}.`]);
};
