import { describe, expect, test } from 'vitest';

import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';
import { benchOptions, dayMs, RevocationBench } from '../support/revocation-bench.ts';

/**
 * "CMEK-related operation | autoscaling behaviour" of the page on Cloud Run, for keys that
 * the key service itself holds: real images, real processes, and a clock that jumps over the hours.
 */
const vault = useLiveVault(benchOptions);
const bench = new RevocationBench(vault);
const why = canRunImages ? '' : ` ${needsImages}`;

const agent = String.raw`(?:service-)?\d+@serverless-robot-prod\.iam\.gserviceaccount\.com`;
const denied = new RegExp(
  `^User's service account does not have CMEK decrypter permission\\. Service account: ${agent}$`,
);

/** What a key's owner may do, how it is undone, and what services then say, to the letter. */
const causes = [
  {
    what: 'a disabled version',
    id: 'disabled',
    revoke: (key: string) => vault.setState(key, 'DISABLED'),
    restore: (key: string) => vault.setState(key, 'ENABLED'),
    reason: 'EncryptionKeyCheckFailed',
    said: (key: string) => `User's CMEK key has been disabled. CMEK key: ${key}`,
  },
  {
    what: 'a version that is scheduled for destruction',
    id: 'scheduled',
    revoke: (key: string) => vault.destroyVersion(key),
    restore: (key: string) => vault.restoreVersion(key),
    reason: 'EncryptionKeyCheckFailed',
    said: (key: string) => `User's CMEK key has been scheduled for deletion. CMEK Key: ${key}`,
  },
  {
    what: 'a removed role',
    id: 'denied',
    revoke: (key: string) => vault.revokeGrant(key),
    restore: (key: string, project: string) => vault.grant(key, project),
    reason: 'EncryptionKeyPermissionDenied',
    said: () => expect.stringMatching(denied) as string,
  },
] as const;

describe.skipIf(!canRunImages)('a service, when its key goes away', () => {
  test.each(causes)(
    `$what: what runs goes on, or ends at the deadline; nothing starts until the key is back${why}`,
    async ({ id: project, revoke, restore, reason, said }) => {
      const key = await vault.createKey(project, 'ring', 'key');
      await bench.deployCold(project, key);
      const urls = await bench.deployAll(project, key);

      await revoke(key);
      const message = said(key);
      for (const id of ['kept', 'unset', 'shut', 'shut-late', 'cold']) {
        expect(await bench.notReady(project, id)).toMatchObject({ reason, message });
      }
      expect(await bench.statuses(urls)).toEqual([200, 200, 200, 200]);
      expect(await bench.statuses([await bench.urlOf(project, 'cold')])).toEqual([503]);
      expect(await vault.systemLog(project)).toContainEqual(message);
      expect(await bench.deployAgain(project, 'kept', key)).toMatchObject({ reason, message });

      await bench.passHours(1);
      await bench.stopped(project, 'shut');
      expect(await bench.statuses(urls)).toEqual([200, 200, 503, 200]);
      await bench.passHours(1);
      await bench.stopped(project, 'shut-late');
      expect(await bench.statuses(urls)).toEqual([200, 200, 503, 503]);

      await restore(key, project);
      for (const id of ['unset', 'shut', 'shut-late', 'cold']) {
        await bench.ready(project, id);
        await bench.serves(await bench.urlOf(project, id));
      }
      // What was never to be stopped is what it was.
      for (const id of ['kept', 'unset']) expect(await bench.startsOf(project, id)).toBe(1);
      expect(await vault.systemLog(project)).toContain('The CMEK key can be used again.');
    },
  );

  test.each(causes)(
    `$what for less than the hours stops nothing${why}`,
    async ({ id, revoke, restore }) => {
      const project = `${id}-shortly`;
      const key = await vault.createKey(project, 'ring', 'key');
      const urls = await bench.deployAll(project, key, ['kept', 'shut', 'shut-late']);
      await revoke(key);
      for (const each of ['shut', 'shut-late']) await bench.notReady(project, each);
      await bench.announced(project, 2);
      await restore(key, project);
      for (const each of ['kept', 'shut', 'shut-late']) await bench.ready(project, each);
      await bench.cancelled(project, 2);
      await bench.passHours(3);
      // A deployment after the deadlines has had them behind it.
      expect(await bench.deployAgain(project, 'kept', key)).toMatchObject({ status: 'True' });
      expect(await bench.statuses(urls)).toEqual([200, 200, 200]);
      for (const each of ['shut', 'shut-late']) expect(await bench.startsOf(project, each)).toBe(1);
    },
  );

  test(`a version that is destroyed after all moves no deadline, and no start follows${why}`, async () => {
    const project = 'destroyed';
    const key = await vault.createKey(project, 'ring', 'key');
    const urls = await bench.deployAll(project, key);
    await vault.destroyVersion(key);
    await bench.notReady(project, 'shut');
    await bench.passHours(2);
    for (const id of ['shut', 'shut-late']) await bench.stopped(project, id);
    await vault.server.pass(31 * dayMs);
    const message = `User's CMEK key has been destroyed. CMEK key: ${key}`;
    for (const id of ['kept', 'unset', 'shut', 'shut-late']) {
      await bench.says(project, id, message);
    }
    expect(await vault.systemLog(project)).toContain(message);
    expect(await bench.statuses(urls)).toEqual([200, 200, 503, 503]);
    expect((await bench.announced(project, 2)).length).toBe(2);
    expect(await bench.deployAgain(project, 'shut', key)).toMatchObject({
      reason: 'EncryptionKeyCheckFailed',
      message,
    });
    const valid = await vault.createKey(project, 'ring', 'valid');
    expect(await bench.deployAgain(project, 'shut', valid)).toMatchObject({ status: 'True' });
    await bench.serves(await bench.urlOf(project, 'shut'));
  });

  test(`a key that was deleted is as one that may not be used${why}`, async () => {
    const project = 'deleted';
    const key = await vault.createKey(project, 'ring', 'key');
    // The role on the ring outlives the key, so that the answer is NOT_FOUND.
    await vault.grant(key.slice(0, key.indexOf('/cryptoKeys/')), project);
    const urls = await bench.deployAll(project, key);
    await vault.destroyVersion(key);
    await vault.server.pass(31 * dayMs);
    await bench.says(project, 'kept', `User's CMEK key has been destroyed. CMEK key: ${key}`);
    await vault.call('DELETE', `v1/${key}/cryptoKeyVersions/1`);
    expect((await vault.call('DELETE', `v1/${key}`)).status).toBe(200);
    const message = expect.stringMatching(denied) as string;
    await bench.until(project, 'kept', (ready) => denied.test(ready.message ?? ''));
    expect(await vault.systemLog(project)).toContainEqual(message);
    expect(await bench.statuses(urls)).toEqual([200, 200, 503, 503]);
    expect(await bench.deployAgain(project, 'kept', key)).toMatchObject({
      reason: 'EncryptionKeyPermissionDenied',
      message,
    });
  });

  test(`a key that never was refuses the first deployment${why}`, async () => {
    const project = 'absent';
    const key = await vault.createKey(project, 'ring', 'key');
    await vault.grant(key.slice(0, key.indexOf('/cryptoKeys/')), project);
    const absent = `${key}-absent`;
    expect(await bench.deployed(project, 'hello', absent, {})).toMatchObject({
      status: 'False',
      reason: 'EncryptionKeyPermissionDenied',
      message: expect.stringMatching(denied) as string,
    });
    expect(await vault.instances(project, 'hello')).toEqual([]);
  });
});
