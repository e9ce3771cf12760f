import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';
import { idsOption } from '../resources/topic-specs.ts';

const account: ArgumentSpec = { name: 'ACCOUNT' };

const out: OptionSpec = {
  name: 'out',
  placeholder: 'FILE',
  completes: 'files',
  doc: 'New file for its key, mode 0600; one that is there is not overwritten.',
};

const displayName: OptionSpec = {
  name: 'display-name',
  placeholder: 'TEXT',
  doc: 'What people call it.',
};

export const accountsSpec: CommandSpec = {
  name: 'accounts',
  summary: 'Create service accounts, give them keys, switch them off and on.',
  commands: [
    {
      name: 'create',
      summary: 'Create a service account, with a key if --out is given.',
      details: [
        'With --data-dir on the files of a stopped server: the first account, before anyone may call.',
        'That takes the options of serve beside, and --server: where the server will be called.',
        'It becomes an administrator when the server starts with --admin serviceAccount:EMAIL.',
      ].join('\n'),
      arguments: [account],
      options: [
        out,
        displayName,
        {
          name: 'role',
          placeholder: 'ROLE',
          kind: 'texts',
          doc: 'Role that it has on its project, or on the server: roles/sealpost.*; several may be given.',
        },
        { name: 'admin', doc: 'It may do everything, in every project.' },
        {
          name: 'data-dir',
          placeholder: 'DIR',
          completes: 'files',
          doc: 'Directory of a stopped server, on whose files to work.',
        },
      ],
      examples: [
        {
          line: 'sealpost accounts create publisher --role roles/pubsub.publisher --out publisher.json',
          does: 'who publishes, and what it signs with',
        },
        {
          line: 'sealpost accounts create operator --out operator.json --data-dir ./data',
          does: 'the first one, while the server is stopped',
        },
      ],
      load: async () => (await import('./account-actions.ts')).createAccount,
    },
    {
      name: 'list',
      summary: 'List the service accounts of the project.',
      examples: [{ line: 'sealpost accounts list', does: 'emails, names and states' }],
      load: async () => (await import('./account-actions.ts')).listAccounts,
    },
    {
      name: 'describe',
      summary: 'Show a service account.',
      arguments: [account],
      examples: [{ line: 'sealpost accounts describe publisher', does: 'everything that is set' }],
      load: async () => (await import('./account-actions.ts')).describeAccount,
    },
    {
      name: 'disable',
      summary: 'Refuse a service account from now on; open streams end too.',
      arguments: [account],
      examples: [
        { line: 'sealpost accounts disable publisher', does: 'at once, and for all keys' },
      ],
      load: async () => (await import('./account-actions.ts')).disableAccount,
    },
    {
      name: 'enable',
      summary: 'Let a disabled service account call again.',
      arguments: [account],
      examples: [{ line: 'sealpost accounts enable publisher', does: 'with the keys that it has' }],
      load: async () => (await import('./account-actions.ts')).enableAccount,
    },
    {
      name: 'delete',
      summary: 'Delete a service account, and its keys, for good.',
      arguments: [account],
      examples: [
        {
          line: 'sealpost accounts delete publisher',
          does: 'one of the same name is another account',
        },
      ],
      load: async () => (await import('./account-actions.ts')).deleteAccount,
    },
    {
      name: 'keys',
      summary: 'Create, list and delete the keys that an account signs with.',
      commands: [
        {
          name: 'create',
          summary: "Write a new key of an account to a file, as Google's credentials files are.",
          arguments: [account],
          options: [out],
          examples: [
            {
              line: 'sealpost accounts keys create publisher --out publisher-2.json',
              does: 'the server keeps the public half alone',
            },
          ],
          load: async () => (await import('./account-actions.ts')).createKey,
        },
        {
          name: 'list',
          summary: 'List the keys of an account.',
          arguments: [account],
          options: [idsOption],
          examples: [
            { line: 'sealpost accounts keys list publisher', does: 'ids, ages and states' },
          ],
          load: async () => (await import('./account-actions.ts')).listKeys,
        },
        {
          name: 'delete',
          summary: 'Delete a key: what it signed opens nothing any more.',
          arguments: [account, { name: 'KEY' }],
          examples: [
            {
              line: 'sealpost accounts keys delete publisher $(sealpost accounts keys list publisher --ids | head -1)',
              does: 'the oldest, by its id',
            },
          ],
          load: async () => (await import('./account-actions.ts')).deleteKey,
        },
      ],
    },
  ],
};

export const apiKeysSpec: CommandSpec = {
  name: 'api-keys',
  summary: 'Create, list and delete API keys of service accounts.',
  commands: [
    {
      name: 'create',
      summary: 'Create an API key of an account, and show it once.',
      arguments: [account],
      options: [
        displayName,
        { ...out, doc: 'New file for it, mode 0600, in place of the screen.' },
      ],
      examples: [
        {
          line: 'sealpost api-keys create publisher --out publisher.key',
          does: 'for programs that cannot sign',
        },
      ],
      load: async () => (await import('./api-key-actions.ts')).createApiKey,
    },
    {
      name: 'list',
      summary: 'List the API keys of an account, without their texts.',
      arguments: [account],
      options: [idsOption],
      examples: [{ line: 'sealpost api-keys list publisher', does: 'ids, names and ages' }],
      load: async () => (await import('./api-key-actions.ts')).listApiKeys,
    },
    {
      name: 'delete',
      summary: 'Delete an API key: it opens nothing any more.',
      arguments: [account, { name: 'KEY' }],
      examples: [
        {
          line: 'sealpost api-keys delete publisher $(sealpost api-keys list publisher --ids | head -1)',
          does: 'the oldest, by its id',
        },
      ],
      load: async () => (await import('./api-key-actions.ts')).deleteApiKey,
    },
  ],
};
