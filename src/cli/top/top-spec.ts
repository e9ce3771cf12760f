import type { CommandSpec } from '../command/command-spec.ts';

export const topSpec: CommandSpec = {
  name: 'top',
  summary: 'Live view of topics, rates, backlogs, ages and keys.',
  details: [
    'Keys: b, r, n sort by backlog, rate, name; q or Ctrl-C ends it. Where standard output is no',
    'terminal, and with --once or --json, one snapshot is printed, with rates over one interval.',
    'Without a project, every topic and subscription that the metrics know is shown.',
  ].join('\n'),
  options: [
    { name: 'interval', placeholder: 'TIME', kind: 'duration', doc: 'Between two looks [2s].' },
    {
      name: 'sort',
      placeholder: 'COLUMN',
      choices: ['backlog', 'rate', 'name'],
      doc: 'What comes first [backlog].',
    },
    { name: 'once', doc: 'Print one snapshot and end.' },
  ],
  examples: [
    { line: 'sealpost top --once --interval 1s', does: 'one snapshot, rates over a second' },
    { line: 'sealpost top', does: 'live, until q' },
  ],
  load: async () => (await import('./top-action.ts')).top,
};
