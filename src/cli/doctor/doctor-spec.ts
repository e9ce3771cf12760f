import type { CommandSpec } from '../command/command-spec.ts';

export const doctorSpec: CommandSpec = {
  name: 'doctor',
  summary:
    'Say in plain words why a topic or subscription stands still, or what is wrong anywhere.',
  details: [
    'Without RESOURCE it looks at the server, and at every topic and subscription of the project;',
    'what is worst comes first. Exit code 1 if something stands still, 6 if the server is away.',
  ].join('\n'),
  arguments: [{ name: 'RESOURCE', isOptional: true, completes: 'subscriptions' }],
  options: [{ name: 'all', doc: 'Also show what is well.' }],
  examples: [
    { line: 'sealpost doctor', does: 'the server, and everything in the project' },
    { line: 'sealpost doctor kitchen', does: 'one subscription, or topic, and what it needs' },
  ],
  load: async () => (await import('./doctor-action.ts')).doctor,
};
