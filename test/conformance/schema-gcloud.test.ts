import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => live.url, folder.path, 'gs');

const proto = (...fields: readonly string[]): string => {
  const path = join(folder.path, `shape-${fields.length}.proto`);
  const lines = fields.map((name, i) => `  string ${name} = ${i + 1};`);
  writeFileSync(path, ['syntax = "proto3";', 'message Shape {', ...lines, '}'].join('\n'));
  return path;
};

const name = hasGcloud
  ? 'gcloud makes a schema, revises it, binds a topic to it, meets the refusal, and cleans up'
  : 'gcloud drives schemas (skipped: gcloud is not installed)';

test.skipIf(!hasGcloud)(name, { timeout: 240_000 }, async () => {
  const [one, two] = [proto('a'), proto('a', 'b')];
  await gcloud.line(`pubsub schemas create shape --type protocol-buffer --definition-file ${one}`);
  await gcloud.line(`pubsub schemas commit shape --type protocol-buffer --definition-file ${two}`);
  const listed = await gcloud.line(
    'pubsub schemas list-revisions shape --format value(revisionId)',
  );
  const [newest, oldest] = listed.split('\n');
  const [definition] = await Promise.all([
    gcloud.line(`pubsub schemas describe shape@${oldest} --format value(definition)`),
    gcloud.line(
      `pubsub topics create shapes --schema shape --message-encoding json --first-revision-id ${oldest} --last-revision-id ${newest}`,
    ),
  ]);
  expect(definition).toContain('string a = 1;');
  await gcloud.line('pubsub subscriptions create shapes-sub --topic shapes');
  await gcloud.run('pubsub', 'topics', 'publish', 'shapes', '--message={"a":"1","b":"2"}');
  await expect(
    gcloud.run('pubsub', 'topics', 'publish', 'shapes', '--message={"c":"1"}'),
  ).rejects.toThrow(/Invalid data in message: Message failed schema validation/);
  const pulled = await gcloud.line(
    'pubsub subscriptions pull shapes-sub --auto-ack --limit 5 --format json',
  );
  expect(JSON.parse(pulled)).toMatchObject([
    {
      message: {
        attributes: {
          googclient_schemaname: 'projects/gs/schemas/shape',
          googclient_schemarevisionid: newest,
          googclient_schemaencoding: 'JSON',
        },
      },
    },
  ]);
  await gcloud.run(
    'pubsub',
    'schemas',
    'validate-message',
    '--schema-name=shape',
    '--message-encoding=json',
    '--message={"a":"1"}',
  );
  await gcloud.line(`pubsub schemas rollback shape --revision-id ${oldest}`);
  await gcloud.line(`pubsub schemas delete-revision shape@${newest}`);
  await gcloud.line('pubsub topics update shapes --clear-schema-settings');
  await gcloud.line('pubsub schemas delete shape');
  expect(await gcloud.line('pubsub schemas list --format value(name)')).toBe('');
});
