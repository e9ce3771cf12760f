import type { CommandSpec } from '../command/command-spec.ts';
import { subscriptionArgument } from '../resources/subscription-specs.ts';
import { topicArgument } from '../resources/topic-specs.ts';

export const publishSpec: CommandSpec = {
  name: 'publish',
  summary: 'Publish a message, or every line of standard input.',
  details: [
    'Without MESSAGE and --file, each line that is read is a message, as soon as it is there; a line',
    'break is not part of it. Empty lines are skipped, and counted, as Pub/Sub takes no empty message.',
    'While the server is away, it reads no further and tries again. It ends at the end of the input or',
    'with Ctrl-C, when all that was read is published, and says what was not.',
  ].join('\n'),
  arguments: [topicArgument, { name: 'MESSAGE', isOptional: true }],
  options: [
    {
      name: 'attribute',
      placeholder: 'NAME=VALUE',
      kind: 'pairs',
      doc: 'Attribute of every message; give it again for more.',
    },
    { name: 'ordering-key', placeholder: 'TEXT', doc: 'Ordering key of every message.' },
    {
      name: 'file',
      placeholder: 'PATH',
      completes: 'files',
      doc: "Publish one message: the file's bytes.",
    },
    { name: 'null-delimited', doc: 'Input messages end with a NUL byte, not a line break.' },
    {
      name: 'jsonl',
      doc: 'Input lines are JSON: {"data": "text", "attributes": {…}, "orderingKey": "…"}.',
    },
    {
      name: 'give-up-after',
      placeholder: 'TIME',
      kind: 'duration',
      doc: 'How long to try again while the server is away [1m].',
    },
  ],
  examples: [
    { line: "sealpost publish orders 'one espresso' --attribute table=7", does: 'one message' },
    { line: "printf 'two\\nthree\\n' | sealpost publish orders", does: 'a message a line' },
  ],
  load: async () => (await import('./publish-action.ts')).publish,
};

export const pullSpec: CommandSpec = {
  name: 'pull',
  summary: 'Take the messages that wait in a subscription now, and show them.',
  arguments: [subscriptionArgument],
  options: [
    {
      name: 'max',
      placeholder: 'N',
      kind: 'number',
      range: [1, 10_000],
      doc: 'Messages, at most [10].',
    },
    { name: 'ack', doc: 'Acknowledge them; else they come again after their deadline.' },
  ],
  examples: [{ line: 'sealpost pull kitchen --max 2 --ack', does: 'the next two' }],
  load: async () => (await import('./pull-action.ts')).pull,
};

export const subscribeSpec: CommandSpec = {
  name: 'subscribe',
  summary: 'Print messages as they arrive, until Ctrl-C.',
  details: [
    'Messages are acknowledged once they are written, though a pipe may hold them unread: to take',
    'three, use --max 3 and not head -3. With --topic, only what is published from now on arrives,',
    'and nothing of the subscription remains.',
  ].join('\n'),
  arguments: [{ ...subscriptionArgument, isOptional: true }],
  options: [
    {
      name: 'topic',
      placeholder: 'TOPIC',
      completes: 'topics',
      doc: 'Listen to a topic, without a subscription.',
    },
    {
      name: 'max',
      placeholder: 'N',
      kind: 'number',
      range: [1, 1e9],
      doc: 'End after N messages.',
    },
    { name: 'no-ack', doc: 'Acknowledge nothing: all of it comes again.' },
    {
      name: 'format',
      placeholder: 'FORMAT',
      choices: ['text', 'json', 'raw'],
      doc: 'A line of text, a line of JSON, or the bytes alone [text].',
    },
  ],
  examples: [
    { line: 'sealpost subscribe kitchen --max 1', does: 'one message, when it comes' },
    { line: 'sealpost subscribe --topic orders', does: 'look on, until Ctrl-C' },
  ],
  load: async () => (await import('./subscribe-action.ts')).subscribe,
};
