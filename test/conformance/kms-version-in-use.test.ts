import { describe, expect, test } from 'vitest';

import { keyClient, type KeyClient } from '../support/key-client.ts';
import { LiveApi, liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';
import { wireNames } from '../support/wire.ts';

const live = useLiveServer();
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** The key of a topic that holds one message. */
async function keyInUse(keys: KeyClient, api: LiveApi): Promise<string> {
  const name = await keys.key();
  const reply = await fetch(`${live.url}/v1/${keys.project}`);
  const { projectNumber } = (await reply.json()) as { projectNumber: string };
  const agent = `service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  const bindings = [{ role, members: [`serviceAccount:${agent}`] }];
  await keys.call('SetIamPolicy', { resource: name, policy: { bindings } });
  const topic = await api.topic({ kmsKeyName: name });
  await api.subscription(topic);
  await api.publish(topic, 'sealed');
  return name;
}

describe.each(wireNames)('a version on which messages depend, over %s', (wire) => {
  const keys = keyClient(live, wire);
  const pubsub = liveApi(live, wire);
  const api = new LiveApi(pubsub.wire, keys.project);

  test('is not destroyed, and the refusal says what depends on it', async () => {
    const name = `${await keyInUse(keys, api)}/cryptoKeyVersions/1`;
    const { code, message, details } = await keys.refusal('DestroyCryptoKeyVersion', { name });
    expect(code).toBe('FAILED_PRECONDITION');
    expect(message).toContain(`${keys.project}/topics/`);
    expect(details).toMatchObject([
      { reason: 'KEY_VERSION_IN_USE', domain: 'cloudkms.googleapis.com' },
      { violations: [{ subject: name }] },
    ]);
    expect(await keys.call('GetCryptoKeyVersion', { name })).toMatchObject({ state: 'ENABLED' });
  });

  test('x-sealpost-force-destroy: true destroys it all the same; any other value does not', async () => {
    const name = `${await keyInUse(keys, api)}/cryptoKeyVersions/1`;
    const header = 'x-sealpost-force-destroy';
    await expect(
      keys.call('DestroyCryptoKeyVersion', { name }, { [header]: 'yes' }),
    ).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    const doomed = await keys.call('DestroyCryptoKeyVersion', { name }, { [header]: 'true' });
    expect(doomed).toMatchObject({ state: 'DESTROY_SCHEDULED' });
  });
});
