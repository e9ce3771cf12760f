import type { ArgumentSpec, CommandSpec } from '../command/command-spec.ts';
import { idsOption, labelOption } from './topic-specs.ts';

const snapshotArgument: ArgumentSpec = { name: 'SNAPSHOT', completes: 'snapshots' };

export const snapshotsSpec: CommandSpec = {
  name: 'snapshots',
  summary: 'Create, show, change and delete snapshots of subscriptions.',
  commands: [
    {
      name: 'create',
      summary: 'Keep what a subscription has not acknowledged, and all that is published later.',
      arguments: [{ name: 'SNAPSHOT' }],
      options: [
        {
          name: 'subscription',
          placeholder: 'SUBSCRIPTION',
          completes: 'subscriptions',
          doc: 'Its subscription; needed.',
        },
        labelOption,
      ],
      examples: [
        {
          line: 'sealpost snapshots create before-deploy --subscription kitchen',
          does: 'a point to come back to',
        },
      ],
      load: async () => (await import('./snapshot-actions.ts')).createSnapshot,
    },
    {
      name: 'list',
      summary: 'List the snapshots of the project.',
      options: [idsOption],
      examples: [{ line: 'sealpost snapshots list', does: 'names, topics and when they end' }],
      load: async () => (await import('./snapshot-actions.ts')).listSnapshots,
    },
    {
      name: 'describe',
      summary: 'Show a snapshot.',
      arguments: [snapshotArgument],
      examples: [
        { line: 'sealpost snapshots describe before-deploy', does: 'everything that is set' },
      ],
      load: async () => (await import('./snapshot-actions.ts')).describeSnapshot,
    },
    {
      name: 'update',
      summary: 'Change a snapshot; what is not named stays.',
      arguments: [snapshotArgument],
      options: [
        {
          name: 'expire-time',
          placeholder: 'TIME',
          doc: 'When it ends: 2026-01-31T12:00:00Z, or a duration from now.',
        },
        labelOption,
        { name: 'clear-labels', doc: 'Remove all labels.' },
      ],
      examples: [
        {
          line: 'sealpost snapshots update before-deploy --expire-time 1d',
          does: 'keep it one more day',
        },
      ],
      load: async () => (await import('./snapshot-actions.ts')).updateSnapshot,
    },
    {
      name: 'delete',
      summary: 'Delete a snapshot; messages that only it kept are dropped.',
      arguments: [snapshotArgument],
      examples: [
        { line: 'sealpost snapshots delete before-deploy', does: 'at once, without asking' },
      ],
      load: async () => (await import('./snapshot-actions.ts')).deleteSnapshot,
    },
  ],
};
