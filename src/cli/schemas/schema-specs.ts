import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';
import { idsOption } from '../resources/topic-specs.ts';

const schemaArgument: ArgumentSpec = { name: 'SCHEMA', completes: 'schemas' };
const revisionArgument: ArgumentSpec = { name: 'SCHEMA@REVISION', completes: 'schemas' };

const typeOption: OptionSpec = {
  name: 'type',
  placeholder: 'TYPE',
  choices: ['avro', 'protocol-buffer'],
  doc: 'What the definition is written in: avro or protocol-buffer; needed.',
};
const definitionOptions: readonly OptionSpec[] = [
  {
    name: 'definition-file',
    placeholder: 'FILE',
    completes: 'files',
    doc: 'File with the definition.',
  },
  { name: 'definition', placeholder: 'TEXT', doc: 'The definition itself.' },
];

const encodingOption: OptionSpec = {
  name: 'encoding',
  placeholder: 'ENCODING',
  choices: ['json', 'binary'],
  doc: 'How the message is written: json or binary; needed with one.',
};

export const schemasSpec: CommandSpec = {
  name: 'schemas',
  summary: 'Create, revise, show, try and delete schemas of messages.',
  commands: [
    {
      name: 'create',
      summary: 'Create a schema.',
      arguments: [{ name: 'SCHEMA' }],
      options: [typeOption, ...definitionOptions],
      examples: [
        {
          line: 'sealpost schemas create order --type avro --definition-file order.avsc',
          does: 'a schema in Avro',
        },
      ],
      load: async () => (await import('./schema-actions.ts')).createSchema,
    },
    {
      name: 'list',
      summary: 'List the schemas of the project.',
      options: [idsOption],
      examples: [{ line: 'sealpost schemas list', does: 'names, types and newest revisions' }],
      load: async () => (await import('./schema-actions.ts')).listSchemas,
    },
    {
      name: 'describe',
      summary: 'Show a schema, or one revision of it: its definition and its revisions.',
      arguments: [{ name: 'SCHEMA[@REVISION]', completes: 'schemas' }],
      examples: [{ line: 'sealpost schemas describe order', does: 'the newest revision' }],
      load: async () => (await import('./schema-actions.ts')).describeSchema,
    },
    {
      name: 'commit',
      summary: 'Add a revision that is compatible with all that there are.',
      details: 'Topics without bounds take messages of the new revision at once.',
      arguments: [schemaArgument],
      options: definitionOptions,
      examples: [
        {
          line: 'sealpost schemas commit order --definition-file order-2.avsc',
          does: 'the next revision',
        },
      ],
      load: async () => (await import('./schema-actions.ts')).commitSchema,
    },
    {
      name: 'rollback',
      summary: 'Add a revision that says what an earlier one says.',
      arguments: [schemaArgument],
      options: [
        { name: 'revision', placeholder: 'REVISION', doc: 'The earlier revision; needed.' },
      ],
      examples: [
        {
          line: 'sealpost schemas rollback order --revision c7cfa2a8',
          does: 'back to what was before',
        },
      ],
      load: async () => (await import('./schema-actions.ts')).rollbackSchema,
    },
    {
      name: 'delete-revision',
      summary: 'Delete a revision; the last of a schema stays.',
      arguments: [revisionArgument],
      examples: [
        {
          line: 'sealpost schemas delete-revision order@c7cfa2a8',
          does: 'at once, without asking',
        },
      ],
      load: async () => (await import('./schema-actions.ts')).deleteRevision,
    },
    {
      name: 'delete',
      summary: 'Delete a schema; topics that it is set on take no messages any more.',
      arguments: [schemaArgument],
      examples: [{ line: 'sealpost schemas delete order', does: 'with all its revisions' }],
      load: async () => (await import('./schema-actions.ts')).deleteSchema,
    },
    {
      name: 'validate',
      summary: 'Check a definition, or a message against a schema; nothing is stored.',
      details: 'With SCHEMA a message is checked against it, else against the definition given.',
      arguments: [{ name: 'SCHEMA[@REVISION]', isOptional: true, completes: 'schemas' }],
      options: [
        typeOption,
        ...definitionOptions,
        { name: 'message', placeholder: 'TEXT', doc: 'The message itself.' },
        {
          name: 'message-file',
          placeholder: 'FILE',
          completes: 'files',
          doc: 'File with the message.',
        },
        encodingOption,
      ],
      examples: [
        {
          line: 'sealpost schemas validate --type avro --definition-file order.avsc',
          does: 'whether the definition is one',
        },
        {
          line: 'sealpost schemas validate order --message-file order.json --encoding json',
          does: 'whether a topic with it would take the message',
        },
      ],
      load: async () => (await import('./schema-actions.ts')).validateSchema,
    },
  ],
};
