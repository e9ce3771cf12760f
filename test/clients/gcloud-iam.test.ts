import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { LiveApi, liveGrpc } from '../support/live-api.ts';
import { LiveKeys, type LiveKey } from '../support/live-keys.ts';
import { encrypterDecrypter as role, LivePolicies } from '../support/live-policies.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

/** Who may use a key, said by the real gcloud on key ring and project, with and without condition. */
const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => live.url, folder.path, 'keeper');
const keys = new LiveKeys(() => live.url);
const api = new LiveApi(liveGrpc(live), 'projects/tenant');
const why = hasGcloud ? '' : ' (skipped: gcloud is not installed)';

interface Policy {
  readonly version?: number;
  readonly bindings?: readonly object[];
}

describe.skipIf(!hasGcloud)('gcloud, on keys of another project', () => {
  let key: LiveKey;
  let member: string;

  beforeAll(async () => {
    key = await keys.create('projects/keeper');
    member = await new LivePolicies(() => live.url).pubsubAgent(api.project);
  });

  const json = async (...argv: string[]): Promise<Policy> =>
    JSON.parse(await gcloud.run(...argv, '--format=json')) as Policy;
  const topic = (): Promise<string> => api.topic({ kmsKeyName: key.name });
  const refused = async (): Promise<void> => {
    await expect(topic()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  };

  test(`grants and takes back a role on the project${why}`, async () => {
    await refused();
    const binding = [`--member=${member}`, `--role=${role}`];
    const added = await json('projects', 'add-iam-policy-binding', 'keeper', ...binding);
    expect(added.bindings).toEqual([{ role, members: [member] }]);
    const orders = await topic();
    await api.publish(orders, 'before');
    expect(await json('projects', 'get-iam-policy', 'keeper')).toMatchObject(added);
    await gcloud.run('projects', 'remove-iam-policy-binding', 'keeper', ...binding);
    const messages = [{ data: 'YQ==' }];
    expect((await api.refusal('Publish', { topic: orders, messages })).code).toBe(
      'FAILED_PRECONDITION',
    );
    await refused();
  });

  test(`grants a role on the ring under a condition, shows it, and takes it back${why}`, async () => {
    const [, ring = ''] = /keyRings\/([^/]+)/.exec(key.name) ?? [];
    const on = ['kms', 'keyrings'];
    const of = [ring, '--location=global'];
    const expression = `resource.name == "${key.name}"`;
    const binding = [
      `--member=${member}`,
      `--role=${role}`,
      `--condition=expression=${expression},title=this key`,
    ];
    await gcloud.run(...on, 'add-iam-policy-binding', ...of, ...binding);
    const policy = await json(...on, 'get-iam-policy', ...of);
    expect(policy).toMatchObject({
      version: 3,
      bindings: [{ role, members: [member], condition: { expression, title: 'this key' } }],
    });
    await topic();
    await gcloud.run(...on, 'remove-iam-policy-binding', ...of, ...binding);
    expect((await json(...on, 'get-iam-policy', ...of)).bindings ?? []).toEqual([]);
    await refused();
  });
});
