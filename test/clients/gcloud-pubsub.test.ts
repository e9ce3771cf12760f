import { afterAll, describe, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const keys = new LiveKeys(() => live.url);
const project = 'projects/gc';
const gcloud = new Gcloud(() => live.url, folder.path, 'gc');

/** Runs `gcloud pubsub …`; what it prints with --format=json. `whole` may have spaces. */
async function pubsub<Answer = unknown>(command: string, ...whole: string[]): Promise<Answer> {
  const argv = ['pubsub', ...command.trim().split(/\s+/), ...whole, '--format=json'];
  const output = await gcloud.run(...argv);
  return (output === '' ? [] : JSON.parse(output)) as Answer;
}

/** The refusal that gcloud hands on. */
const refusal = async (command: string): Promise<string> =>
  await pubsub(command).then(
    () => 'not refused',
    (error: Error) => error.message,
  );

const rest = async (path: string): Promise<unknown> =>
  (await fetch(`${live.url}/v1/${project}/${path}`)).json();

interface Pulled {
  readonly ackId: string;
  readonly message: { readonly data: string; readonly orderingKey?: string };
  readonly deliveryAttempt?: number;
}
const textOf = ({ message }: Pulled): string => Buffer.from(message.data, 'base64').toString();
const pull = (subscription: string, flags = ''): Promise<Pulled[]> =>
  pubsub<Pulled[]>(`subscriptions pull ${subscription} ${flags}`);

/** What a pull that does not wait finds: gcloud's own waits as long as the broker does. */
async function left(subscription: string): Promise<unknown> {
  const body = JSON.stringify({ maxMessages: 1, returnImmediately: true });
  const url = `${live.url}/v1/${project}/subscriptions/${subscription}:pull`;
  return (await fetch(url, { method: 'POST', body })).json();
}

const why = hasGcloud ? '' : ' (skipped: gcloud is not installed)';

describe.skipIf(!hasGcloud)('gcloud pubsub', () => {
  test(`topics: create, describe, list, update and delete, with every flag${why}`, async () => {
    const { name: key } = await keys.createGranted(project);
    await pubsub(`topics create made --labels=team=blue,tier=one --message-retention-duration=2d
      --message-storage-policy-allowed-regions=europe-west1,europe-west3
      --message-storage-policy-enforce-in-transit --topic-encryption-key=${key}`);
    const bare = { name: `${project}/topics/made`, kmsKeyName: key, state: 'ACTIVE' };
    const made = {
      ...bare,
      labels: { team: 'blue', tier: 'one' },
      messageRetentionDuration: '172800s',
      messageStoragePolicy: {
        allowedPersistenceRegions: ['europe-west1', 'europe-west3'],
        enforceInTransit: true,
      },
    };
    const shown = await Promise.all([pubsub('topics describe made'), pubsub('topics list')]);
    expect(shown).toEqual([made, [made]]);
    await pubsub(`topics update made --update-labels=team=red --remove-labels=tier
      --message-retention-duration=3d --message-storage-policy-allowed-regions=europe-west3`);
    expect(await rest('topics/made')).toMatchObject({
      labels: { team: 'red' },
      messageRetentionDuration: '259200s',
      messageStoragePolicy: { allowedPersistenceRegions: ['europe-west3'] },
    });
    await pubsub(`topics update made --clear-labels --clear-message-retention-duration
      --recompute-message-storage-policy`);
    expect(await rest('topics/made')).toEqual(bare);
    await pubsub('topics delete made');
    expect(await refusal('topics describe made')).toMatch(/Resource not found \(resource=made\)/);
  });

  test(`subscriptions: create, describe, list, update and delete, with every flag${why}`, async () => {
    await Promise.all([pubsub('topics create source'), pubsub('topics create grave')]);
    const filter = '--message-filter=attributes.kind = "new" AND NOT attributes:muted';
    await pubsub(
      `subscriptions create full --topic=source --topic-project=gc --ack-deadline=20
        --labels=team=blue --message-retention-duration=1d --retain-acked-messages
        --expiration-period=30d --enable-message-ordering --enable-exactly-once-delivery
        --dead-letter-topic=grave --dead-letter-topic-project=gc --max-delivery-attempts=7
        --min-retry-delay=5s --max-retry-delay=60s`,
      filter,
    );
    const full = {
      name: `${project}/subscriptions/full`,
      topic: `${project}/topics/source`,
      pushConfig: {},
      ackDeadlineSeconds: 20,
      retainAckedMessages: true,
      messageRetentionDuration: '86400s',
      labels: { team: 'blue' },
      enableMessageOrdering: true,
      expirationPolicy: { ttl: '2592000s' },
      filter: 'attributes.kind = "new" AND NOT attributes:muted',
      deadLetterPolicy: { deadLetterTopic: `${project}/topics/grave`, maxDeliveryAttempts: 7 },
      retryPolicy: { minimumBackoff: '5s', maximumBackoff: '60s' },
      enableExactlyOnceDelivery: true,
      state: 'ACTIVE',
    };
    const shown = [
      pubsub('subscriptions describe full'),
      pubsub('subscriptions list'),
      pubsub('topics list-subscriptions source'),
    ];
    expect(await Promise.all(shown)).toEqual([full, [full], [full.name]]);
    await pubsub(`subscriptions update full --ack-deadline=30 --no-retain-acked-messages
      --message-retention-duration=2d --expiration-period=never --update-labels=team=red,x=y
      --remove-labels=x --no-enable-exactly-once-delivery --clear-dead-letter-policy
      --clear-retry-policy`);
    const { deadLetterPolicy, retryPolicy, enableExactlyOnceDelivery, ...kept } = full;
    const { retainAckedMessages, ...plain } = kept;
    expect([deadLetterPolicy, retryPolicy]).not.toContain(undefined);
    expect([enableExactlyOnceDelivery, retainAckedMessages]).toEqual([true, true]);
    expect(await rest('subscriptions/full')).toEqual({
      ...plain,
      ackDeadlineSeconds: 30,
      messageRetentionDuration: '172800s',
      expirationPolicy: {},
      labels: { team: 'red' },
    });
    await pubsub('subscriptions delete full');
    expect(await rest('subscriptions')).toEqual({});
  });

  test(`subscriptions: every flag of push, and back to pull${why}`, async () => {
    await pubsub('topics create pushes');
    const endpoint = 'http://127.0.0.1:9/orders';
    await pubsub(`subscriptions create pushed --topic=pushes --push-endpoint=${endpoint}
      --push-auth-service-account=pusher@gc.iam.gserviceaccount.com
      --push-auth-token-audience=orders --push-no-wrapper --push-no-wrapper-write-metadata`);
    const oidcToken = {
      serviceAccountEmail: 'pusher@gc.iam.gserviceaccount.com',
      audience: 'orders',
    };
    expect(await rest('subscriptions/pushed')).toMatchObject({
      pushConfig: { pushEndpoint: endpoint, oidcToken, noWrapper: { writeMetadata: true } },
    });
    expect(await refusal('subscriptions pull pushed')).toMatch(
      /This method is not supported for this subscription type\./,
    );
    await pubsub(`subscriptions modify-push-config pushed --push-endpoint=${endpoint}2`);
    expect(await rest('subscriptions/pushed')).toMatchObject({
      pushConfig: { pushEndpoint: `${endpoint}2` },
    });
    await pubsub('subscriptions modify-push-config pushed --push-endpoint=');
    expect(await rest('subscriptions/pushed')).toMatchObject({ pushConfig: {} });
    await pubsub('topics publish pushes --message=pulled');
    expect((await pull('pushed', '--auto-ack')).map(textOf)).toEqual(['pulled']);
  });

  test(`messages: publish, pull, extend, acknowledge${why}`, async () => {
    await pubsub('topics create orders');
    await pubsub('subscriptions create orders-sub --topic=orders --enable-message-ordering');
    const publish = 'topics publish orders --attribute=kind=new --ordering-key=seoul';
    const { messageIds } = await pubsub<{ messageIds: string[] }>(publish, '--message=first one');
    expect(messageIds).toEqual([expect.stringMatching(/^\d+$/)]);
    await pubsub(publish, '--message=second one');
    const [first] = await pull('orders-sub', '--limit=1');
    expect(textOf(first!)).toBe('first one');
    expect(first!.message).toMatchObject({ orderingKey: 'seoul', attributes: { kind: 'new' } });
    await pubsub(`subscriptions modify-message-ack-deadline orders-sub --ack-deadline=600
      --ack-ids=${first!.ackId}`);
    await pubsub(`subscriptions ack orders-sub --ack-ids=${first!.ackId}`);
    expect((await pull('orders-sub', '--limit=5 --auto-ack')).map(textOf)).toEqual(['second one']);
    expect(await left('orders-sub')).toEqual({});
  });

  test(`exactly once: gcloud tells which ack ids are void${why}`, async () => {
    await pubsub('topics create once');
    await pubsub('subscriptions create once-sub --topic=once --enable-exactly-once-delivery');
    await pubsub('topics publish once --message=x');
    const [first] = await pull('once-sub', '--limit=1');
    await pubsub(`subscriptions modify-message-ack-deadline once-sub --ack-deadline=0
      --ack-ids=${first!.ackId}`);
    const [again] = await pull('once-sub', '--limit=1');
    await pubsub(`subscriptions ack once-sub --ack-ids=${again!.ackId}`);
    const said = await gcloud
      .run('pubsub', 'subscriptions', 'ack', 'once-sub', `--ack-ids=${first!.ackId}`)
      .then(String, String);
    expect(said).toContain(first!.ackId);
  });

  test(`snapshots and seek: back to a snapshot, to a time, and past everything; detach${why}`, async () => {
    await pubsub('topics create replayed --message-retention-duration=1d');
    await pubsub('subscriptions create replay --topic=replayed --retain-acked-messages');
    await pubsub('snapshots create before --subscription=replay --labels=why=test');
    await pubsub('topics publish replayed --message=one');
    const one = async (): Promise<string[]> =>
      (await pull('replay', '--auto-ack --limit=5')).map(textOf);
    expect(await one()).toEqual(['one']);
    const snapshot = {
      name: `${project}/snapshots/before`,
      topic: `${project}/topics/replayed`,
      expireTime: expect.stringMatching(/Z$/) as string,
      labels: { why: 'test' },
    };
    const shown = [pubsub('snapshots describe before'), pubsub('snapshots list')];
    expect(await Promise.all(shown)).toEqual([snapshot, [expect.objectContaining(snapshot)]]);
    await pubsub('subscriptions seek replay --snapshot=before --snapshot-project=gc');
    expect(await one()).toEqual(['one']);
    await pubsub('subscriptions seek replay --time=-P1D');
    expect(await one()).toEqual(['one']);
    await pubsub('subscriptions seek replay --time=-P1D');
    await pubsub('subscriptions seek replay --time=+P1D');
    expect(await left('replay')).toEqual({});
    await pubsub('snapshots delete before');
    expect(await rest('snapshots')).toEqual({});
    await pubsub('topics detach-subscription replay');
    expect(await rest('subscriptions/replay')).toMatchObject({ detached: true });
  });
});
