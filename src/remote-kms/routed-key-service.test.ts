import { expect, test } from 'vitest';

import { openKmsBench } from '../../test/support/embedded-kms.ts';
import { ScriptedKeyService } from '../../test/support/scripted-key-service.ts';
import { serviceMember, type KeyChange } from '../kms/index.ts';
import { RoutedKeyService } from './routed-key-service.ts';

const remoteKey = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
const additionalAuthenticatedData = new Uint8Array(0);
const plaintext = new Uint8Array(32).fill(7);
const agent = {
  member: 'serviceAccount:service-7@gcp-sa-pubsub.iam.gserviceaccount.com',
  reason: 'CUSTOMER_INITIATED_ACCESS',
} as const;
const service = { ...agent, member: serviceMember };

test('the own key is asked for here, every other one at the remote service', async () => {
  const { service: local } = await openKmsBench();
  const remote = new ScriptedKeyService();
  const keys = new RoutedKeyService({ local, remote, defaultKeyName: null });
  expect(keys.defaultKeyName).toBe(local.defaultKeyName);
  const request = { plaintext, additionalAuthenticatedData };
  const own = await keys.encrypt({ name: keys.defaultKeyName, ...request }, service);
  expect(own.name).toBe(`${local.defaultKeyName}/cryptoKeyVersions/1`);
  expect(remote.calls).toEqual([]);
  await keys.encrypt({ name: remoteKey, ...request }, agent);
  expect(remote.count('encrypt')).toBe(1);
});

test('a key of the same server that is not its own is not reached through it', async () => {
  const { service: local } = await openKmsBench();
  const remote = new ScriptedKeyService();
  const keys = new RoutedKeyService({ local, remote, defaultKeyName: null });
  const request = { name: local.defaultKeyName, plaintext, additionalAuthenticatedData };
  await expect(keys.encrypt(request, agent)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
});

test('what the own key wrapped stays readable once a remote key is the default, and it wraps no more', async () => {
  const { service: local } = await openKmsBench();
  const name = local.defaultKeyName;
  const sealed = await local.encrypt({ name, plaintext, additionalAuthenticatedData }, service);
  const remote = new ScriptedKeyService();
  const keys = new RoutedKeyService({ local, remote, defaultKeyName: remoteKey });
  expect(keys.defaultKeyName).toBe(remoteKey);
  const { ciphertext } = sealed;
  const opened = await keys.decrypt({ name, ciphertext, additionalAuthenticatedData }, agent);
  expect(opened.plaintext).toEqual(plaintext);
  const request = { name, plaintext, additionalAuthenticatedData };
  await expect(keys.encrypt(request, agent)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
});

test('changes of both are heard, until it stops', () => {
  const [local, remote] = [new ScriptedKeyService(), new ScriptedKeyService()];
  const keys = new RoutedKeyService({ local, remote, defaultKeyName: null });
  const heard: KeyChange[] = [];
  const stop = keys.onChange((change) => heard.push(change));
  local.announce({ kind: 'primary', resource: 'a' });
  remote.announce({ kind: 'iam', resource: 'b' });
  stop();
  remote.announce({ kind: 'iam', resource: 'c' });
  expect(heard.map(({ resource }) => resource)).toEqual(['a', 'b']);
});
