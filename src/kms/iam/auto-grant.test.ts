import { describe, expect, test } from 'vitest';
import {
  keyName,
  type KmsBench,
  openKmsBench,
  ringName,
} from '../../../test/support/embedded-kms.ts';
import { silentLogger } from '../../runtime/index.ts';
import type { KeyCaller } from '../key-service.ts';
import { AutoGrant } from './auto-grant.ts';
import { operatorMember } from './key-access.ts';

const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const topic = { name: 'projects/shop/topics/orders', kmsKeyName: keyName };

function grantOf({ service }: KmsBench): AutoGrant {
  const granting = {
    pubsubServiceAgent: (projectId: string) => service.pubsubServiceAgent(projectId),
    grantKeyUse: (...request: Parameters<typeof service.policies.grantKeyUse>) =>
      service.policies.grantKeyUse(...request),
  };
  return new AutoGrant(granting, silentLogger);
}

describe('an automatic grant', () => {
  test("is a binding on the key for the agent of the topic's project, made once", async () => {
    const bench = await openKmsBench();
    const granting = grantOf(bench);
    await granting.prepare(topic);
    const agent = await bench.service.pubsubServiceAgent('shop');
    const policy = await bench.service.getIamPolicy(keyName, operator);
    expect(policy.bindings).toEqual([{ role, members: [agent] }]);
    await granting.prepare(topic);
    expect(await bench.service.getIamPolicy(keyName, operator)).toEqual(policy);
  });

  test('is not made for who has the role from the ring or the project', async () => {
    for (const resource of [ringName, 'projects/p']) {
      const bench = await openKmsBench();
      const members = [await bench.service.pubsubServiceAgent('shop')];
      await bench.service.setIamPolicy(resource, { bindings: [{ role, members }] }, operator);
      await grantOf(bench).prepare(topic);
      expect((await bench.service.getIamPolicy(keyName, operator)).bindings).toEqual([]);
    }
  });

  test('is made for who may only do half', async () => {
    const bench = await openKmsBench();
    const members = [await bench.service.pubsubServiceAgent('shop')];
    const half = { role: 'roles/cloudkms.cryptoKeyEncrypter', members };
    await bench.service.setIamPolicy(keyName, { bindings: [half] }, operator);
    await grantOf(bench).prepare(topic);
    const { bindings } = await bench.service.getIamPolicy(keyName, operator);
    expect(bindings).toEqual([half, { role, members }]);
  });

  test('of many topics at once loses none', async () => {
    const bench = await openKmsBench();
    const granting = grantOf(bench);
    const projects = Array.from({ length: 6 }, (_, at) => `shop${at}`);
    await Promise.all(
      projects.map((project) =>
        granting.prepare({ name: `projects/${project}/topics/orders`, kmsKeyName: keyName }),
      ),
    );
    const agents = await Promise.all(
      projects.map((project) => bench.service.pubsubServiceAgent(project)),
    );
    const { bindings } = await bench.service.getIamPolicy(keyName, operator);
    expect(bindings.flatMap(({ members }) => members).toSorted()).toEqual(agents.toSorted());
  });

  test('makes no key, and leaves what is no key alone', async () => {
    const bench = await openKmsBench();
    const own = 'projects/sealpost-internal/locations/global/keyRings/sealpost/cryptoKeys/default';
    for (const kmsKeyName of [`${keyName}x`, own, 'nonsense', undefined]) {
      await grantOf(bench).prepare({ name: topic.name, kmsKeyName });
    }
    expect((await bench.service.getIamPolicy(keyName, operator)).etag).toBe('ACAB');
  });
});
