import type { CommandSpec } from '../command/command-spec.ts';

export const verifySpec: CommandSpec = {
  name: 'verify',
  summary: 'Authenticate every stored byte: messages, records, metadata, keys, the audit log.',
  details: [
    'The server reads and opens everything that it has stored, beside its daily work. What cannot be',
    'opened because its key may not be used is counted as unread; it is not damage.',
    'What is there is authenticated. That something is missing shows only as a hole within a log or as',
    'a cut in the audit log: a metadata row or the end of a log that was removed whole is not noticed,',
    'nor is an earlier state that was put back whole.',
    'Every DEK is unwrapped on the way, which leaves an entry each in the log of data access.',
    'Exit code 1 if something is damaged or the run did not reach its end.',
  ].join('\n'),
  options: [
    { name: 'no-wait', doc: 'Start it and return; look again with --status.' },
    { name: 'status', doc: 'Start nothing: show the run under way, or the last one.' },
    { name: 'stop', doc: 'End the run that is under way.' },
  ],
  examples: [
    { line: 'sealpost verify', does: 'runs it, with progress, and reports' },
    { line: 'sealpost verify --json > report.json', does: 'the report for a program' },
  ],
  load: async () => (await import('./verify-action.ts')).verify,
};
