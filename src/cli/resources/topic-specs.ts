import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';
import { transformsOption } from './message-transforms.ts';

export const topicArgument: ArgumentSpec = { name: 'TOPIC', completes: 'topics' };

const keyOption: OptionSpec = {
  name: 'key',
  placeholder: 'KEY',
  doc: 'Key that seals its messages: RING/KEY or the full name.',
};
export const labelOption: OptionSpec = {
  name: 'label',
  placeholder: 'NAME=VALUE',
  kind: 'pairs',
  doc: 'Label; give it again for more.',
};
const retentionOption: OptionSpec = {
  name: 'retention',
  placeholder: 'TIME',
  kind: 'duration',
  doc: 'How long messages are kept for later subscriptions: 10m to 31d.',
};
/** What messages must conform to. */
const schemaOptions: readonly OptionSpec[] = [
  {
    name: 'schema',
    placeholder: 'SCHEMA',
    completes: 'schemas',
    doc: 'Schema that its messages must conform to.',
  },
  {
    name: 'encoding',
    placeholder: 'ENCODING',
    choices: ['json', 'binary'],
    doc: 'How they are written: json or binary; needed with a schema.',
  },
  { name: 'first-revision', placeholder: 'REVISION', doc: 'Oldest revision that is allowed.' },
  { name: 'last-revision', placeholder: 'REVISION', doc: 'Newest revision that is allowed.' },
];
export const idsOption: OptionSpec = { name: 'ids', doc: 'Print ids alone, one a line.' };

export const topicsSpec: CommandSpec = {
  name: 'topics',
  summary: 'Create, show, change and delete topics.',
  commands: [
    {
      name: 'create',
      summary: 'Create a topic.',
      arguments: [{ name: 'TOPIC' }],
      options: [keyOption, ...schemaOptions, transformsOption, labelOption, retentionOption],
      examples: [
        { line: 'sealpost topics create logs', does: "a topic under the service's own key" },
        { line: 'sealpost topics create failed-orders', does: 'one for what fails too often' },
        {
          line: 'sealpost topics create events --schema order --encoding json',
          does: 'a topic that takes only what conforms',
        },
        {
          line: 'sealpost topics create receipts --transforms-file redact.json',
          does: 'a topic whose messages functions change or drop',
        },
        {
          line: 'sealpost topics create orders --key cafe/orders --label team=kitchen',
          does: 'a topic whose messages only your key opens',
        },
      ],
      load: async () => (await import('./topic-actions.ts')).createTopic,
    },
    {
      name: 'list',
      summary: 'List the topics of the project.',
      options: [idsOption],
      examples: [{ line: 'sealpost topics list', does: 'names, keys and labels' }],
      load: async () => (await import('./topic-actions.ts')).listTopics,
    },
    {
      name: 'describe',
      summary: 'Show a topic and its subscriptions.',
      arguments: [topicArgument],
      examples: [{ line: 'sealpost topics describe orders', does: 'everything that is set' }],
      load: async () => (await import('./topic-actions.ts')).describeTopic,
    },
    {
      name: 'update',
      summary: 'Change a topic; what is not named stays.',
      details:
        'A new key seals what is published from now on; what was sealed before stays as it is.',
      arguments: [topicArgument],
      options: [
        keyOption,
        { name: 'clear-key', doc: "Seal new messages under the service's own key." },
        ...schemaOptions,
        { name: 'clear-schema', doc: 'Take any message from now on.' },
        transformsOption,
        { name: 'clear-transforms', doc: 'Store messages as they are published.' },
        labelOption,
        { name: 'clear-labels', doc: 'Remove all labels.' },
        retentionOption,
        { name: 'clear-retention', doc: 'Keep nothing beyond what subscriptions need.' },
      ],
      examples: [
        { line: 'sealpost topics update orders --retention 7d', does: 'keep a week of messages' },
      ],
      load: async () => (await import('./topic-actions.ts')).updateTopic,
    },
    {
      name: 'delete',
      summary: 'Delete a topic; its subscriptions stay and get nothing new.',
      arguments: [topicArgument],
      examples: [{ line: 'sealpost topics delete logs', does: 'at once, without asking' }],
      load: async () => (await import('./topic-actions.ts')).deleteTopic,
    },
  ],
};
