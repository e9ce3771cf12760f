import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';

const keyArgument: ArgumentSpec = { name: 'KEY' };
const versionArgument: ArgumentSpec = { name: 'VERSION' };

const grantDetails =
  'The project is that of --project or its variables. With the full name of a KEY it may be another\n' +
  "than the key's own.";

const serviceOption: OptionSpec = {
  name: 'service',
  placeholder: 'SERVICE',
  choices: ['pubsub', 'run'],
  completes: ['pubsub', 'run'],
  doc: 'Whose agent is meant: pubsub for topics, run for services of Cloud Run [pubsub].',
};

const ringsSpec: CommandSpec = {
  name: 'rings',
  summary: 'Create and list key rings.',
  commands: [
    {
      name: 'create',
      summary: 'Create a key ring; it can never be deleted.',
      arguments: [{ name: 'RING' }],
      examples: [
        { line: 'sealpost keys rings create cafe', does: 'in the location global' },
        { line: 'sealpost keys rings create us-central1/cafe', does: 'where services are' },
      ],
      load: async () => (await import('./key-actions.ts')).createRing,
    },
    {
      name: 'list',
      summary: 'List the key rings of a location.',
      options: [{ name: 'location', placeholder: 'ID', doc: 'Location [global].' }],
      examples: [{ line: 'sealpost keys rings list', does: 'those of the location global' }],
      load: async () => (await import('./key-actions.ts')).listRings,
    },
  ],
};

const versionsSpec: CommandSpec = {
  name: 'versions',
  summary: 'Show, add, disable, enable, destroy and restore the versions of a key.',
  commands: [
    {
      name: 'list',
      summary: 'List the versions of a key.',
      arguments: [keyArgument],
      examples: [{ line: 'sealpost keys versions list cafe/orders', does: 'numbers and states' }],
      load: async () => (await import('./version-actions.ts')).listVersions,
    },
    {
      name: 'create',
      summary: 'Add a version; it seals nothing until it is primary.',
      arguments: [keyArgument],
      examples: [{ line: 'sealpost keys versions create cafe/orders', does: 'the next number' }],
      load: async () => (await import('./version-actions.ts')).createVersion,
    },
    {
      name: 'primary',
      summary: 'Make a version the one that seals from now on.',
      arguments: [keyArgument, versionArgument],
      examples: [{ line: 'sealpost keys versions primary cafe/orders 2', does: 'rotate by hand' }],
      load: async () => (await import('./version-actions.ts')).makePrimary,
    },
    {
      name: 'disable',
      summary: 'Disable a version: what it sealed can be neither published to nor delivered.',
      arguments: [keyArgument, versionArgument],
      examples: [
        { line: 'sealpost keys versions disable cafe/orders 1', does: 'rehearse a revocation' },
      ],
      load: async () => (await import('./version-actions.ts')).disableVersion,
    },
    {
      name: 'enable',
      summary: 'Enable a version again.',
      arguments: [keyArgument, versionArgument],
      examples: [{ line: 'sealpost keys versions enable cafe/orders 1', does: 'and all is well' }],
      load: async () => (await import('./version-actions.ts')).enableVersion,
    },
    {
      name: 'destroy',
      summary: 'Schedule a version for its destruction: what it wraps is lost then, for good.',
      details:
        'Refused while stored messages depend on it; sealpost keys usage shows them. Until its time has\n' +
        'come, 30 days unless the key says otherwise, it can be restored.',
      arguments: [keyArgument, versionArgument],
      options: [{ name: 'force', doc: 'Even if stored messages depend on it: they are lost.' }],
      examples: [
        { line: 'sealpost keys versions destroy cafe/orders 1', does: 'if nothing needs it' },
      ],
      load: async () => (await import('./version-actions.ts')).destroyVersion,
    },
    {
      name: 'restore',
      summary: 'Take back the destruction of a version; it is disabled then.',
      arguments: [keyArgument, versionArgument],
      examples: [
        { line: 'sealpost keys versions restore cafe/orders 1', does: 'then it can be enabled' },
      ],
      load: async () => (await import('./version-actions.ts')).restoreVersion,
    },
  ],
};

const useSpecs: readonly CommandSpec[] = [
  {
    name: 'usage',
    summary: 'Show what depends on a key: DEKs, messages, bytes, topics, until when.',
    details:
      'KEY is a key, or the full name of a version. Counts are exact, of what is stored, acknowledged\n' +
      'messages included. SPARE are DEKs that seal nothing stored: the end of their version costs nothing.',
    arguments: [keyArgument],
    options: [{ name: 'version', placeholder: 'NUMBER', doc: 'Of this version alone.' }],
    examples: [
      { line: 'sealpost keys usage cafe/orders', does: 'each version that something needs' },
      { line: 'sealpost keys usage cafe/orders --version 1', does: 'may version 1 be destroyed?' },
    ],
    load: async () => (await import('./key-use-actions.ts')).showUsage,
  },
  {
    name: 'rewrap',
    summary: 'Move the DEKs that a key wraps to its primary version; no message is touched.',
    details:
      'It runs in the server, beside its daily work, and goes on after a crash. Started again, it does\n' +
      'what is left. Exit code 1 if the key service refused any: those stay as they were.',
    arguments: [keyArgument],
    options: [
      { name: 'from', placeholder: 'NUMBER', doc: 'Only what this version wraps.' },
      { name: 'to-key', placeholder: 'KEY', doc: 'To the primary version of another key.' },
      { name: 'no-wait', doc: 'Start it and return; look again with --status.' },
      { name: 'status', doc: 'Start nothing: show the one under way, or the last one.' },
    ],
    examples: [
      { line: 'sealpost keys rewrap cafe/orders', does: 'so that older versions can be destroyed' },
      { line: 'sealpost keys rewrap cafe/orders --from 1', does: 'only what version 1 wraps' },
    ],
    load: async () => (await import('./key-use-actions.ts')).rewrap,
  },
  {
    name: 'receipts',
    summary: 'List the receipts of erased DEKs, from the audit log.',
    details: 'With --json each receipt says what its erasure covers and what it does not.',
    options: [
      { name: 'topic', placeholder: 'TOPIC', completes: 'topics', doc: 'Of this topic alone.' },
    ],
    examples: [{ line: 'sealpost keys receipts --topic orders --json', does: 'for the auditor' }],
    load: async () => (await import('./key-use-actions.ts')).listReceipts,
  },
];

export const keysSpec: CommandSpec = {
  name: 'keys',
  summary: 'Create key rings and keys, say who may use them, switch them off and on.',
  commands: [
    ringsSpec,
    {
      name: 'create',
      summary: 'Create a key with its first version, in a key ring that exists.',
      details:
        'KEY is RING/KEY in the location global, LOCATION/RING/KEY, or the full name of a CryptoKey.',
      arguments: [keyArgument],
      examples: [
        { line: 'sealpost keys create cafe/orders', does: 'a key in the ring cafe' },
        { line: 'sealpost keys create us-central1/cafe/images', does: 'a key for services' },
      ],
      load: async () => (await import('./key-actions.ts')).createKey,
    },
    {
      name: 'list',
      summary: 'List the keys of a ring, or of all rings of a location.',
      arguments: [{ name: 'RING', isOptional: true }],
      options: [{ name: 'location', placeholder: 'ID', doc: 'Location of all rings [global].' }],
      examples: [{ line: 'sealpost keys list', does: 'keys, primary versions and their states' }],
      load: async () => (await import('./key-actions.ts')).listKeys,
    },
    {
      name: 'describe',
      summary: 'Show a key, its versions and who may use it.',
      arguments: [keyArgument],
      examples: [{ line: 'sealpost keys describe cafe/orders', does: 'everything about it' }],
      load: async () => (await import('./key-actions.ts')).describeKey,
    },
    {
      name: 'grant',
      summary: "Let a project's topics, or services, use a key: binds the service agent they have.",
      arguments: [keyArgument],
      options: [serviceOption],
      details: grantDetails,
      examples: [
        { line: 'sealpost keys grant cafe/orders', does: 'topics of the same project' },
        {
          line: 'sealpost keys grant us-central1/cafe/images --service run',
          does: 'services of that region',
        },
      ],
      load: async () => (await import('./grant-actions.ts')).grantKey,
    },
    {
      name: 'revoke',
      summary: "Take the use of a key from a project's topics, or services.",
      arguments: [keyArgument],
      options: [serviceOption],
      details: grantDetails,
      examples: [
        { line: 'sealpost keys revoke cafe/orders', does: 'publish and delivery stop at once' },
        {
          line: 'sealpost keys revoke us-central1/cafe/images --service run',
          does: 'no instance starts any more',
        },
      ],
      load: async () => (await import('./grant-actions.ts')).revokeKey,
    },
    versionsSpec,
    ...useSpecs,
  ],
};
