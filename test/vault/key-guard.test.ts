import { describe, expect, test } from 'vitest';

import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';

/** DESIGN: "a guard on destroying it", for images as for messages. */
const vault = useLiveVault();
const why = canRunImages ? '' : ` ${needsImages}`;
const service = 'projects/guarded/locations/us-central1/services/hello';

describe.skipIf(!canRunImages)('a key version that images need', () => {
  test(`is named with its services, and not destroyed until they are gone${why}`, async () => {
    const key = await vault.createKey('guarded', 'ring', 'images');
    const version = `${key}/cryptoKeyVersions/1`;
    const destroy = (): ReturnType<typeof vault.call> =>
      vault.call('POST', `v1/${version}:destroy`, {});
    await vault.deploy('guarded', 'hello', { 'run.googleapis.com/encryption-key': key });
    expect(await vault.settled('guarded', 'hello')).toMatchObject({ status: 'True' });

    const use = await vault.call('GET', `sealpost/v1/${key}:use`);
    expect(use.body).toMatchObject({
      versions: [{ name: version, dekCount: 1, messageCount: 0, services: [service] }],
    });
    const refused = await destroy();
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { status: 'FAILED_PRECONDITION' } },
    });
    expect(JSON.stringify(refused.body)).toContain(
      `1 data encryption key, images of 1 service (${service}) need it, without a bound.`,
    );

    await vault.call('DELETE', `v1/${service}`);
    const destroyed = await vault.until(destroy, ({ status }) => status === 200);
    expect(destroyed.body).toMatchObject({ state: 'DESTROY_SCHEDULED' });
    const after = await vault.call('GET', `sealpost/v1/${key}:use`);
    expect(after.body['versions']).toEqual([]);
  });
});
