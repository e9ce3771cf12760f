import type { CommandSpec } from '../command/command-spec.ts';
import { subscriptionArgument } from '../resources/subscription-specs.ts';

export const replaySpec: CommandSpec = {
  name: 'replay',
  summary: 'Deliver messages again, or publish them to another topic.',
  details: [
    'With --from or --snapshot alone, the subscription goes back, and its subscribers get again what was',
    'kept. With --to, what waits in the subscription is published to another topic, or, with --from or',
    '--snapshot too, what its topic kept; with --acknowledge it leaves the subscription once it is there.',
    'At least once: after a failure a message may be there twice. docs/replay.md says more.',
  ].join('\n'),
  arguments: [subscriptionArgument],
  options: [
    {
      name: 'from',
      placeholder: 'TIME',
      doc: 'From when on: 2026-01-31T12:00:00Z, or a duration ago.',
    },
    {
      name: 'snapshot',
      placeholder: 'SNAPSHOT',
      completes: 'snapshots',
      doc: 'What was not acknowledged when this snapshot was made.',
    },
    {
      name: 'to',
      placeholder: 'TOPIC',
      completes: 'topics',
      doc: 'Publish to this topic; the subscription stays where it is.',
    },
    { name: 'acknowledge', doc: 'With --to: acknowledge what was published.' },
    {
      name: 'rate',
      placeholder: 'N',
      kind: 'number',
      range: [1, 1_000_000],
      doc: 'With --to: messages a second, at most.',
    },
    {
      name: 'max',
      placeholder: 'N',
      kind: 'number',
      range: [1, 1e12],
      doc: 'With --to: messages, at most.',
    },
    {
      name: 'resume',
      placeholder: 'TEXT',
      doc: 'With --to: go on where a replay ended, which printed this.',
    },
    { name: 'dry-run', doc: 'Change nothing: say how many messages there are.' },
    { name: 'yes', doc: 'Do not ask.' },
  ],
  examples: [
    {
      line: 'sealpost replay kitchen --from 2h --dry-run',
      does: 'how many messages would come again',
    },
    {
      line: 'sealpost replay kitchen --snapshot before-deploy --yes',
      does: 'as it was when the snapshot was made',
    },
    {
      line: 'sealpost replay kitchen --to orders --acknowledge --rate 100 --yes',
      does: 'dead letters, say, back to where they came from',
    },
  ],
  load: async () => (await import('./replay-action.ts')).replay,
};
