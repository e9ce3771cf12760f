import type { CommandSpec } from '../command/command-spec.ts';

export const auditSpec: CommandSpec = {
  name: 'audit',
  summary: 'Show who used which key and changed what, and check that nothing of it was removed.',
  commands: [
    {
      name: 'list',
      summary: "Show the newest entries of a project's audit log, the oldest of them first.",
      details: [
        'Options narrow it down together. --filter takes the language of Cloud Logging, as',
        'gcloud logging read does: protoPayload.methodName="Decrypt" AND severity>=ERROR',
      ].join('\n'),
      options: [
        { name: 'key', placeholder: 'KEY', doc: 'About a key, its versions, or topics with it.' },
        {
          name: 'topic',
          placeholder: 'TOPIC',
          completes: 'topics',
          doc: 'About a topic, or a key that was used for it.',
        },
        {
          name: 'principal',
          placeholder: 'EMAIL',
          doc: 'By somebody; a part of the email will do.',
        },
        {
          name: 'method',
          placeholder: 'NAME',
          doc: 'Of a method, such as Decrypt or CreateTopic.',
        },
        { name: 'since', placeholder: 'TIME', doc: 'Not before a time, or a duration ago.' },
        { name: 'failed', doc: 'Only what failed.' },
        { name: 'filter', placeholder: 'TEXT', doc: 'In the language of Cloud Logging.' },
        {
          name: 'limit',
          placeholder: 'COUNT',
          kind: 'number',
          range: [1, 100_000],
          doc: 'So many entries at most [100].',
        },
        { name: 'follow', doc: 'Go on with what comes, until Ctrl-C.' },
      ],
      examples: [
        { line: 'sealpost audit list --key cafe/orders --since 1h', does: 'who used a key' },
        { line: 'sealpost audit list --failed --follow', does: 'refusals, as they happen' },
      ],
      load: async () => (await import('./list-action.ts')).listEntries,
    },
    {
      name: 'verify',
      summary: 'Follow the chain of the audit log: changed, removed and cut entries are found.',
      details: 'Exit code 1 if something is wrong, or the run did not reach its end.',
      examples: [{ line: 'sealpost audit verify', does: 'with progress, and what was found' }],
      load: async () => (await import('./verify-action.ts')).verifyAudit,
    },
  ],
};
