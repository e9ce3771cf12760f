import type { CommandSpec } from '../command/command-spec.ts';

export const backupSpec: CommandSpec = {
  name: 'backup',
  summary: 'Copy everything that a server stores, sealed as it is, to a new directory.',
  details: [
    'The running server writes DIR on its own machine, as its own user, over loopback alone, and goes',
    'on with its work. DIR shows one moment, that of the begin, and is there when it is whole.',
    'The root key is never in it: keep a copy of its file apart, or the backup is noise.',
    'With --data-dir the files of a stopped server are copied instead.',
  ].join('\n'),
  arguments: [{ name: 'DIR', isOptional: true, completes: 'files' }],
  options: [
    { name: 'no-wait', doc: 'Start it and return; look again with --status.' },
    { name: 'status', doc: 'Start nothing: show the backup under way, or the last one.' },
    { name: 'stop', doc: 'End the backup that is under way; nothing is left of it.' },
    {
      name: 'data-dir',
      placeholder: 'DIR',
      completes: 'files',
      doc: 'No server runs: copy this data directory.',
    },
    {
      name: 'keys-dir',
      placeholder: 'DIR',
      completes: 'files',
      doc: 'Beside --data-dir: where its root key is, if not in DATA_DIR-keys.',
    },
  ],
  examples: [
    { line: 'sealpost backup /srv/backups/monday', does: 'from the running server, with progress' },
    {
      line: 'sealpost backup /srv/backups/cold --data-dir /var/lib/sealpost',
      does: 'from a stopped one',
    },
  ],
  load: async () => (await import('./backup-action.ts')).backup,
};
