import { expect, test } from 'vitest';

import { openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';
import { TamperedKeyStore } from '../../../test/support/tampered-key-store.ts';
import type { KeyCaller } from '../key-service.ts';
import { operatorMember } from './key-access.ts';
import { PolicyBook } from './policy-book.ts';
import { openRowKey } from '../root/row-key.ts';
import { SealedRows } from '../rows/sealed-rows.ts';
import { silentLogger } from '../../runtime/index.ts';

const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const bindings = [{ role: 'roles/owner', members: ['user:ann@example.com'] }];
const topic = 'projects/p/topics/orders';

test('policies and the ids of numbered projects are in memory after a restart, too', async () => {
  const bench = await openKmsBench();
  const { projectNumber } = await bench.service.projects.get('p');
  for (const resource of [ringName, 'projects/p', 'organizations/sealpost']) {
    await bench.service.setIamPolicy(resource, { bindings }, operator);
  }
  for (const service of [bench.service, await bench.restart()]) {
    const { policySource } = service;
    expect(policySource.projectIdOf(projectNumber)).toBe('p');
    for (const resource of [ringName, 'projects/p', 'organizations/sealpost']) {
      expect(policySource.policyOf(resource)?.bindings).toEqual(bindings);
    }
    expect(policySource.policyOf(topic)).toBeUndefined();
  }
});

test('listeners hear of each change when it holds, and of none that was refused', async () => {
  const { service } = await openKmsBench();
  const heard: unknown[] = [];
  service.policySource.onChange(() => heard.push(service.policySource.policyOf('projects/p')));
  await service.setIamPolicy('projects/p', { bindings }, operator);
  expect(heard).toMatchObject([{ bindings }]);
  const stale = service.setIamPolicy('projects/p', { etag: 'ACAB', bindings: [] }, operator);
  await expect(stale).rejects.toMatchObject({ code: 'ABORTED' });
  expect(heard).toHaveLength(1);
  await service.setIamPolicy('projects/p', { bindings: [] }, operator);
  expect(heard).toHaveLength(2);
});

test('a policy that was changed on the disk grants nothing; the others do', async () => {
  const bench = await openKmsBench();
  await bench.service.setIamPolicy('projects/p', { bindings }, operator);
  await bench.service.setIamPolicy('projects/q', { bindings }, operator);
  const keyStore = new TamperedKeyStore(bench.keyStore);
  await keyStore.flip('kms/policy/projects/p', 100);
  const rows = new SealedRows(keyStore, await openRowKey({ ...bench, keyStore }));
  const errors: unknown[] = [];
  const error = (fields: object): void => void errors.push(fields);
  const book = await PolicyBook.open(rows, { ...silentLogger, error });
  expect(book.policyOf('projects/p')).toBeUndefined();
  expect(book.policyOf('projects/q')?.bindings).toEqual(bindings);
  expect(errors).toHaveLength(1);
});

test('the policy of a topic is of that creation of it alone, and of what is there alone', async () => {
  const bench = await openKmsBench();
  const uids = new Map([[topic, 'first']]);
  const service = await bench.restart({ directory: { uidOf: (name) => uids.get(name) } });
  const first = await service.setIamPolicy(topic, { bindings }, operator);
  expect(first.etag).toBe('BwAAAAAAAAE=');
  expect(service.policySource.policyOf(topic)).toMatchObject({ uid: 'first' });
  uids.set(topic, 'second');
  expect(await service.getIamPolicy(topic, operator)).toMatchObject({ etag: 'ACAB', bindings: [] });
  const second = await service.setIamPolicy(topic, { etag: 'ACAB', bindings }, operator);
  expect(second.etag).not.toBe(first.etag);
  uids.delete(topic);
  await expect(service.getIamPolicy(topic, operator)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'Resource not found (resource=orders).',
  });
  expect(await service.testIamPermissions(topic, ['pubsub.topics.get'], operator)).toEqual([]);
});

test.each(['unknown-landed', 'unknown-lost', 'io'] as const)(
  'after a write that ended %s memory holds what is stored',
  async (fault) => {
    const bench = await openKmsBench();
    await bench.service.setIamPolicy('projects/p', { bindings }, operator);
    bench.faults.next(fault);
    const set = bench.service.setIamPolicy('projects/p', { bindings: [] }, operator);
    await set.catch(() => undefined);
    expect(bench.faults.pendingCount).toBe(0);
    const stored = await bench.service.getIamPolicy('projects/p', operator);
    const held = bench.service.policySource.policyOf('projects/p');
    expect(held?.bindings).toEqual(stored.bindings);
  },
);
