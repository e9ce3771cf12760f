import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { GrpcWire } from '../support/grpc-wire.ts';
import { LiveApi, textOf } from '../support/live-api.ts';
import { LiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';
import { hasVault, VaultProcess } from '../support/vault-process.ts';

const project = 'projects/transit-test';
const keyOf = (key: string): string => `${project}/locations/global/keyRings/r/cryptoKeys/${key}`;
/** What docs/vault-transit.md says that a broker's token needs; `denied`: a key that it may not use. */
const policy = (denied: string = 'none'): object => ({
  policy: `
    path "transit/keys/+" { capabilities = ["read"] }
    path "transit/encrypt/+" { capabilities = ["update"] }
    path "transit/decrypt/+" { capabilities = ["update"] }
    path "transit/keys/transit-test.global.r.${denied}" { capabilities = ["deny"] }
    path "transit/decrypt/transit-test.global.r.${denied}" { capabilities = ["deny"] }
  `,
});
const transitOf = (key: string): string => `transit/keys/transit-test.global.r.${key}`;

const missing = hasVault ? '' : ' (skipped: Vault or OpenBao is not installed)';

/** The exchanges of the unit tests were recorded from one; here it is asked itself. */
describe.skipIf(!hasVault)(
  'topics under keys of a real Vault or OpenBao (bao or vault on the PATH)',
  () => {
    const vault = new VaultProcess();
    const folder = temporaryFolder();
    let live: LiveServer;
    let wire: GrpcWire;
    let api: LiveApi;

    beforeAll(async () => {
      await vault.start();
      await vault.ask('PUT', 'sys/policies/acl/broker', policy());
      const { body } = await vault.ask('POST', 'auth/token/create', { policies: ['broker'] });
      const tokenFile = join(folder.path, 'token');
      writeFileSync(tokenFile, (body as { auth: { client_token: string } }).auth.client_token);
      const endpoint = `vault+${vault.url}/transit`;
      const remote = ['--roles', 'broker', '--kms-endpoint', endpoint];
      live = new LiveServer([...remote, '--kms-token-file', tokenFile]);
      await live.start();
      wire = new GrpcWire(() => live.address);
      api = new LiveApi(wire, project);
    });
    afterAll(async () => {
      wire.close();
      await live.remove();
      await vault.stop();
      folder.remove();
    });

    test(`publish and pull work, over a rotation and a restart of the broker${missing}`, async () => {
      await vault.ask('POST', transitOf('rotated'), {});
      const topic = await api.topic({ kmsKeyName: keyOf('rotated') });
      const subscription = await api.subscription(topic);
      await api.publish(topic, 'under version 1');
      await vault.ask('POST', `${transitOf('rotated')}/rotate`, {});
      await live.restart();
      await api.publish(topic, 'after');
      const texts = (await api.pull(subscription, 2)).map(textOf);
      expect(texts.toSorted()).toEqual(['after', 'under version 1']);
    });

    test(`a topic whose key does not exist is refused, and no key is made${missing}`, async () => {
      const name = api.topicName('mistyped');
      const refused = await api.refusal('CreateTopic', { name, kmsKeyName: keyOf('mistyped') });
      expect(refused.code).toBe('FAILED_PRECONDITION');
      expect((await vault.ask('GET', transitOf('mistyped'))).status).toBe(404);
    });

    test(`a key that the token may not use any more stops delivery at the next look, and serves again${missing}`, async () => {
      await vault.ask('POST', transitOf('revoked'), {});
      const topic = await api.topic({ kmsKeyName: keyOf('revoked') });
      const subscription = await api.subscription(topic, { ackDeadlineSeconds: 10 });
      await api.publish(topic, 'before');
      const stream = wire.stream({ subscription, streamAckDeadlineSeconds: 600 });
      await stream.until(({ texts }) => texts.includes('before'));
      await vault.ask('PUT', 'sys/policies/acl/broker', policy('revoked'));
      await live.pass(31_000);
      expect(await stream.ended).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining('permission denied'),
      });
      const refused = await api.refusal('Publish', { topic, messages: [{ data: 'YQ==' }] });
      expect(refused.code).toBe('FAILED_PRECONDITION');
      await vault.ask('PUT', 'sys/policies/acl/broker', policy());
      const publish = async (): Promise<string> => {
        await live.pass(2_000);
        return await api.publish(topic, 'after').then(
          () => 'published',
          () => 'refused',
        );
      };
      await expect.poll(publish, { timeout: 30_000 }).toBe('published');
    });
  },
);
