import { afterAll, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const keys = new LiveKeys(() => live.url);
const gcloud = new Gcloud(() => live.url, folder.path, 'gc');

const name = hasGcloud
  ? 'gcloud creates a topic under a key, publishes, pulls, meets the refusal, and cleans up'
  : 'gcloud drives Pub/Sub (skipped: gcloud is not installed)';

test.skipIf(!hasGcloud)(name, { timeout: 180_000 }, async () => {
  const project = 'projects/gc';
  const key = await keys.create(project);
  const create = `pubsub topics create orders --topic-encryption-key ${key.name}`;
  await expect(gcloud.line(create)).rejects.toThrow(
    /Cloud KMS error when using key .*useToEncrypt' denied/,
  );
  await keys.grant(key, project);
  await gcloud.line(create);
  await gcloud.line('pubsub subscriptions create orders-sub --topic orders --ack-deadline 30');
  const [described, listed] = await Promise.all([
    gcloud.line('pubsub topics describe orders --format value(kmsKeyName)'),
    gcloud.line('pubsub topics list --format value(name)'),
  ]);
  expect([described, listed]).toEqual([key.name, 'projects/gc/topics/orders']);
  const publish = 'pubsub topics publish orders --attribute=origin=seoul,kind=new'.split(' ');
  await gcloud.run(...publish, '--message=hello é');
  const pull = 'pubsub subscriptions pull orders-sub --auto-ack --limit 5 --format json';
  const pulled = JSON.parse(await gcloud.line(pull)) as { message: { data: string } }[];
  expect(pulled).toMatchObject([{ message: { attributes: { origin: 'seoul', kind: 'new' } } }]);
  expect(Buffer.from(pulled[0]!.message.data, 'base64').toString()).toBe('hello é');
  await keys.setState(key, 'DISABLED');
  await expect(gcloud.line('pubsub topics publish orders --message=refused')).rejects.toThrow(
    /cryptoKeyVersions\/1 is not enabled, current state is: DISABLED/,
  );
  await Promise.all([
    gcloud.line('pubsub subscriptions delete orders-sub'),
    gcloud.line('pubsub topics delete orders'),
  ]);
  const left = await (await fetch(`${live.url}/v1/${project}/topics`)).json();
  expect(left).toEqual({});
});
