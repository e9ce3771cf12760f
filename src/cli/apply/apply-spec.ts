import type { CommandSpec } from '../command/command-spec.ts';

export const applySpec: CommandSpec = {
  name: 'apply',
  summary: 'Bring a server to what a YAML file says.',
  details: [
    'The file is docs/declarative.md. What is there and as the file says is left alone, so that a second',
    'run has nothing to do. Nothing is deleted without --prune, and keys and accounts never are. A step',
    'that fails ends it: what was done is said, and running it again goes on from there.',
  ].join('\n'),
  arguments: [{ name: 'FILE', isOptional: true, completes: 'files' }],
  options: [
    { name: 'dry-run', doc: 'Change nothing: show what would be created, updated and deleted.' },
    {
      name: 'exit-code',
      doc: 'With --dry-run: exit code 1 if anything differs.',
    },
    {
      name: 'prune',
      doc: "Delete topics, subscriptions and schemas of the file's projects that are not in it.",
    },
    {
      name: 'schema',
      doc: 'Print the JSON Schema of the file for editors; needs neither FILE nor server.',
    },
  ],
  examples: [
    { line: 'sealpost apply sealpost.yaml --dry-run', does: 'what differs, and nothing else' },
    { line: 'sealpost apply sealpost.yaml', does: 'step by step' },
    { line: 'sealpost apply --schema > sealpost.schema.json', does: 'completion in editors' },
  ],
  load: async () => (await import('./apply-action.ts')).apply,
};

export const exportSpec: CommandSpec = {
  name: 'export-config',
  summary: 'Print what a project has as a file for apply.',
  details: [
    'Applied to an empty server it makes the same resources. Defaults are left out, and everything is',
    "in order, so that two exports can be compared. It has no secrets: neither keys nor accounts' keys,",
    'and no messages. --project may name several: a,b.',
  ].join('\n'),
  options: [
    { name: 'organization', doc: 'With the policy of the whole server, organizations/sealpost.' },
    {
      name: 'out',
      placeholder: 'FILE',
      completes: 'files',
      doc: 'Write it there, not to standard output.',
    },
  ],
  examples: [
    {
      line: 'sealpost export-config --out sealpost.yaml',
      does: 'the project of every other command',
    },
    { line: 'sealpost export-config --project shop,audit', does: 'two projects in one file' },
  ],
  load: async () => (await import('./export-action.ts')).exportConfig,
};
