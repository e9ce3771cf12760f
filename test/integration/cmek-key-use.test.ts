import { expect, test } from 'vitest';

import { LiveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { LiveKeys } from '../support/live-keys.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const grpc = liveGrpc(live);
const keys = new LiveKeys(() => live.url);
const api = new LiveApi(grpc, 'projects/key-use');

interface Use {
  readonly versions: readonly {
    readonly name: string;
    readonly dekCount: number;
    readonly messageCount: number;
    readonly latestExpiryTime?: string;
    readonly topics: readonly { readonly topic: string; readonly messageCount: number }[];
  }[];
}

async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${live.url}/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return (await response.json()) as Answer;
}

/** Asks until it is so: what happens in the background has no time limit of its own. */
async function until<Answer>(
  ask: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
  }
}

test('a version in use is not destroyed by mistake; rewrapped, it is not in use any more', async () => {
  const key = await keys.createGranted(api.project);
  const topic = await api.topic({ kmsKeyName: key.name });
  const subscription = await api.subscription(topic);
  await api.publish(topic, 'one');
  await api.publish(topic, 'two');

  const use = await call<Use>('GET', `sealpost/v1/${key.name}:use`);
  expect(use.versions).toMatchObject([
    {
      name: key.version,
      dekCount: 1,
      messageCount: 2,
      latestExpiryTime: expect.stringMatching(/^\d{4}-/),
      topics: [{ topic, messageCount: 2 }],
    },
  ]);

  const destroy = `v1/${key.version}:destroy`;
  const refused = await call<{ error: { message: string; status: string } }>('POST', destroy, {});
  expect(refused.error.status).toBe('FAILED_PRECONDITION');
  expect(refused.error.message).toContain('2 messages');
  expect(refused.error.message).toContain(topic);

  await call('POST', `v1/${key.name}/cryptoKeyVersions`, {});
  await call('POST', `v1/${key.name}:updatePrimaryVersion`, { cryptoKeyVersionId: '2' });
  await call('POST', `sealpost/v1/${key.name}:rewrap`, {});
  const done = await until(
    () => call<{ state: string; moved: number }>('GET', `sealpost/v1/${key.name}:rewrap`),
    ({ state }) => state !== 'running',
  );
  expect(done).toMatchObject({ state: 'done', moved: 1, refused: 0 });

  const scheduled = await call<{ state: string }>('POST', destroy, {});
  expect(scheduled.state).toBe('DESTROY_SCHEDULED');
  const pulled = await api.pull(subscription, 2);
  expect(pulled.map(textOf).toSorted()).toEqual(['one', 'two']);
});

interface ErasureEntry {
  readonly authenticationInfo: { readonly principalEmail: string };
  readonly metadata: object;
}

test('a deleted topic leaves receipts in the audit log, which say what they cover', async () => {
  const key = await keys.createGranted(api.project);
  const topic = await api.topic({ kmsKeyName: key.name });
  await api.publish(topic, 'gone soon');
  await call('DELETE', `v1/${topic}`);
  const filter =
    `protoPayload.methodName="sealpost.v1.EraseDataEncryptionKey" AND ` +
    `protoPayload.resourceName="${topic}"`;
  const { entries } = await until(
    () =>
      call<{ entries?: { protoPayload: ErasureEntry }[] }>('POST', 'v2/entries:list', {
        resourceNames: [api.project],
        filter,
      }),
    (answer) => (answer.entries ?? []).length > 0,
  );
  const who = entries!.map(({ protoPayload }) => protoPayload.authenticationInfo.principalEmail);
  expect(who).toEqual(['sealpost']);
  expect(entries!.map(({ protoPayload }) => protoPayload.metadata)).toMatchObject([
    {
      topic,
      kekVersion: key.version,
      sealedMessageCount: 1,
      reason: 'TOPIC_DELETED',
      wrappedSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      scope: expect.stringContaining('Not covered: backups'),
    },
  ]);
});
