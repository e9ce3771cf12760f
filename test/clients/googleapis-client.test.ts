import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';
import { folderOf, outputOf, prepared, type Readiness } from './client-program.ts';

/** It is 256 MB and 48 packages: installed beside the test, not among its dependencies. */
async function googleapisClient(): Promise<Readiness> {
  return await prepared('npm', async (folder) => {
    cpSync(folderOf('googleapis'), folder, { recursive: true });
    const argv = ['ci', '--no-audit', '--no-fund', '--prefix', folder];
    await outputOf({ command: 'npm', argv, env: { PATH: pathOfThisNode() } });
    return { command: process.execPath, argv: [join(folder, 'methods.js')] };
  });
}

const pathOfThisNode = (): string => `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;

interface Line {
  readonly method: string;
  readonly answer?: object;
  readonly refusal?: object;
}

const ready = await googleapisClient();
const why = 'missing' in ready ? ` (skipped: ${ready.missing})` : '';

const topic = { name: 'projects/rest/topics/orders', state: 'ACTIVE' };
const subscription = {
  name: 'projects/rest/subscriptions/orders-sub',
  topic: topic.name,
  pushConfig: {},
  ackDeadlineSeconds: 20,
  retainAckedMessages: true,
  messageRetentionDuration: '604800s',
  expirationPolicy: { ttl: '2678400s' },
  state: 'ACTIVE',
};
const snapshot = {
  name: 'projects/rest/snapshots/before',
  topic: topic.name,
  expireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
};
const blue = { ...topic, labels: { team: 'blue' } };
const forTest = { ...snapshot, labels: { why: 'test' } };
const pushed = 'projects/rest/subscriptions/pushed';
const received = {
  receivedMessages: [
    {
      ackId: expect.stringMatching(/^[\w-]+$/) as string,
      message: {
        data: 'aGVsbG8=',
        attributes: { kind: 'new' },
        messageId: expect.stringMatching(/^\d+$/) as string,
        publishTime: expect.stringMatching(/Z$/) as string,
        orderingKey: 'k',
      },
    },
  ],
};
const detached = {
  ...subscription,
  name: pushed,
  ackDeadlineSeconds: 10,
  retainAckedMessages: undefined,
};

/** Method by method in the order of the calls; a word is the refusal's status. */
const expected: readonly [method: string, answer: unknown][] = [
  ['topics.create', blue],
  ['topics.get', blue],
  ['topics.list', { topics: [blue] }],
  ['topics.patch', { ...topic, labels: { team: 'red' } }],
  ['subscriptions.create', subscription],
  ['subscriptions.create', detached],
  ['subscriptions.get', subscription],
  ['subscriptions.list', { subscriptions: [subscription, detached] }],
  ['subscriptions.patch', { ...subscription, ackDeadlineSeconds: 30 }],
  ['subscriptions.modifyPushConfig', {}],
  ['topics.subscriptions.list', { subscriptions: [subscription.name, pushed] }],
  ['snapshots.create', forTest],
  ['snapshots.get', forTest],
  ['snapshots.list', { snapshots: [forTest] }],
  ['topics.snapshots.list', { snapshots: [snapshot.name] }],
  ['snapshots.patch', { ...snapshot, labels: { why: 'replay' } }],
  ['topics.publish', { messageIds: [expect.stringMatching(/^\d+$/)] }],
  ['subscriptions.pull', received],
  ['subscriptions.modifyAckDeadline', {}],
  ['subscriptions.acknowledge', {}],
  ['subscriptions.seek', {}],
  ['subscriptions.pull', received],
  ['subscriptions.detach', {}],
  ...['topics', 'subscriptions', 'snapshots'].flatMap((resource): [string, unknown][] => [
    [`${resource}.getIamPolicy`, { etag: 'ACAB' }],
    [`${resource}.setIamPolicy`, { etag: 'BwAAAAAAAAE=' }],
    [`${resource}.testIamPermissions`, { permissions: [expect.stringMatching(/^pubsub\./)] }],
  ]),
  ['snapshots.delete', {}],
  ['subscriptions.delete', {}],
  ['topics.delete', {}],
  ['topics.get', { code: 404, status: 'NOT_FOUND' }],
];

describe.skipIf('missing' in ready)(`the googleapis REST client${why}`, () => {
  const folder = temporaryFolder();
  let server: SealpostProcess | undefined;
  let lines: Line[] = [];
  beforeAll(async () => {
    if ('missing' in ready) return;
    server = new SealpostProcess(['serve', '--data-dir', join(folder.path, 'data'), '--port', '0']);
    const { command, argv } = ready.program;
    const env = { METADATA_SERVER_DETECTION: 'none' };
    const output = await outputOf({ command, argv: [...argv, await server.url()] }, env, 100_000);
    const texts = output.split('\n').filter((line) => line.startsWith('{"method"'));
    lines = texts.map((text) => JSON.parse(text) as Line);
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    folder.remove();
    if (!('missing' in ready)) ready.remove();
  });

  test(`calls all methods of topics, subscriptions and snapshots${why}`, () => {
    expect(lines.map(({ method }) => method)).toEqual(expected.map(([method]) => method));
  });

  test(`is answered by each as production answers${why}`, () => {
    const answers = lines.map(({ method, answer, refusal }) => [method, answer ?? refusal]);
    expect(answers).toEqual(expected);
  });
});
