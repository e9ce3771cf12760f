import type { Action, Call } from '../command/command-spec.ts';
import type { Tools } from '../command/tools.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import { shortId, shortKey } from '../connection/resource-names.ts';
import { fieldLines } from '../output/table.ts';
import { transformLines, transformsRule } from './message-transforms.ts';
import {
  changedFields,
  durationField,
  durationText,
  labelText,
  labelsRule,
  newFields,
  type FieldRule,
} from './resource-change.ts';
import { changedSchemaSettings, schemaSettings, schemaText } from './topic-schema.ts';

/** What a topic without a key of its own is sealed under. */
const ownKey = "the service's own key";

function topicRules({ names }: Tools): FieldRule[] {
  return [
    {
      field: 'kmsKeyName',
      path: 'kms_key_name',
      option: 'key',
      clearedBy: 'clear-key',
      value: (call, option) => names.key(call.flags.text(option)!),
    },
    labelsRule,
    {
      field: 'messageRetentionDuration',
      path: 'message_retention_duration',
      option: 'retention',
      clearedBy: 'clear-retention',
      value: durationField,
    },
    transformsRule,
  ];
}

const named = ({ arguments: [topic = ''] }: Call, { names }: Tools): string => names.topic(topic);

export const createTopic: Action = async (call, tools) => {
  const name = named(call, tools);
  const { fields } = schemaSettings(call, tools);
  const body = { ...newFields(call, topicRules(tools)), ...fields };
  const topic = await tools.api.put(name, body);
  tools.out.result(topic, [
    `Created ${name}, sealed under ${keyOf(topic)}.`,
    `Next: sealpost subscriptions create NAME --topic ${call.arguments[0]!}`,
  ]);
};

const topicRow = (topic: Json): string[] => [
  shortId(textIn(topic, 'name')),
  keyOf(topic),
  durationText(topic['messageRetentionDuration']),
  labelText(topic['labels']),
];

export const listTopics: Action = async ({ flags }, { api, names, out }) => {
  const topics = await api.list(`projects/${names.project()}/topics`, 'topics');
  if (flags.isSet('ids')) {
    for (const topic of topics) out.line(shortId(textIn(topic, 'name')));
    return;
  }
  const columns = ['TOPIC', 'KEY', 'RETENTION', 'LABELS'].map((title) => ({ title }));
  out.list(topics, columns, topicRow, `There are no topics in ${names.project()}.`);
};

export const describeTopic: Action = async (call, tools) => {
  const name = named(call, tools);
  const topic = await tools.api.get(name);
  const list = (await tools.api.list(`${name}/subscriptions`, 'subscriptions')) as unknown;
  const subscriptions = list as string[];
  const [first = 'none', ...more] = subscriptions;
  const lines = fieldLines([
    ['Topic', name],
    ['Key', textIn(topic, 'kmsKeyName') || ownKey],
    ['Schema', schemaText(topic)],
    ...transformLines(topic),
    ['Retention', durationText(topic['messageRetentionDuration'])],
    ['Labels', labelText(topic['labels'])],
    ['Subscriptions', first],
    ...more.map((subscription) => ['', subscription] as const),
  ]);
  tools.out.result({ ...topic, subscriptions }, lines);
};

export const updateTopic: Action = async (call, tools) => {
  const name = named(call, tools);
  const settings = changedSchemaSettings(call, tools);
  const { fields, updateMask } = changedFields(call, topicRules(tools), settings);
  const topic = await tools.api.patch(name, { topic: { name, ...fields }, updateMask });
  tools.out.result(topic, [`Updated ${name}; it is sealed under ${keyOf(topic)}.`]);
};

export const deleteTopic: Action = async (call, tools) => {
  const name = named(call, tools);
  await tools.api.delete(name);
  tools.out.result({ name }, [`Deleted ${name}.`]);
};

function keyOf(topic: Json): string {
  const key = topic['kmsKeyName'];
  return typeof key === 'string' && key !== '' ? shortKey(key) : ownKey;
}
