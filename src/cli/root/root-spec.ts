import type { CommandSpec, OptionSpec } from '../command/command-spec.ts';

export const sealSourceNames: readonly string[] = [
  'file',
  'passphrase',
  'environment',
  'pkcs11',
  'systemd-credential',
];

/** What a new seal is made of; read by the server, so a secret is never on a command line. */
export const resealOptions: readonly OptionSpec[] = [
  {
    name: 'to',
    placeholder: 'SOURCE',
    choices: sealSourceNames,
    completes: sealSourceNames,
    doc: 'What seals it from now on; as before unless given.',
  },
  { name: 'new-key', doc: 'Draw a new root key too: old copies of the seal open nothing then.' },
  {
    name: 'passphrase-file',
    placeholder: 'FILE',
    completes: 'files',
    doc: 'Mode 0600, the new passphrase on its first line.',
  },
  {
    name: 'wrapping-key-file',
    placeholder: 'FILE',
    completes: 'files',
    doc: 'Mode 0600, what the variable or the credential will hold.',
  },
];

/** Named as the options of serve, which the stopped server's are. */
export const tokenOptions: readonly OptionSpec[] = [
  {
    name: 'pkcs11-library',
    placeholder: 'FILE',
    completes: 'files',
    doc: "Library of a token other than the server's.",
  },
  { name: 'pkcs11-token', placeholder: 'LABEL', doc: 'Label of that token.' },
  {
    name: 'pkcs11-pin-file',
    placeholder: 'FILE',
    completes: 'files',
    doc: 'PIN of that token.',
  },
];

const offline: OptionSpec = {
  name: 'offline',
  doc: 'No server runs: work on the files. Takes the options of serve beside.',
};

export const rootSpec: CommandSpec = {
  name: 'root',
  summary: 'Show what seals the root key, change it, or replace the key.',
  commands: [
    {
      name: 'status',
      summary: 'Show the root key: its id, its file, what seals it.',
      options: [offline],
      examples: [
        { line: 'sealpost root status', does: 'asks the running server' },
        {
          line: 'sealpost root status --offline --data-dir /srv/sealpost',
          does: 'reads the file; needs no secret',
        },
      ],
      load: async () => (await import('./root-actions.ts')).showRoot,
    },
    {
      name: 'reseal',
      summary: 'Seal the root key by another source or secret, while the server runs.',
      details: [
        'Over loopback alone. Files are read by the server, which must be allowed to. The new seal is',
        'opened before it takes the place of the old one; docs/root-key.md says what to keep.',
      ].join('\n'),
      options: [...resealOptions, ...tokenOptions, offline],
      examples: [
        {
          line: 'sealpost root reseal --to passphrase --passphrase-file new-passphrase',
          does: 'from now on it takes the passphrase to start',
        },
        { line: 'sealpost root reseal --to file --new-key', does: 'a new key, in a plain file' },
      ],
      load: async () => (await import('./root-actions.ts')).reseal,
    },
  ],
};
