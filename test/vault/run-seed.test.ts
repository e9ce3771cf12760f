import { describe, expect, test } from 'vitest';

import { canRunImages, needsImages, useLiveVault } from '../support/live-vault.ts';

/**
 * The page on Cloud Run with CMEK, played through by REST: real images, real processes, an hour of two
 * seconds. test/clients/gcloud-run.test.ts gives the same orders by the real gcloud.
 */
const hourMs = 2_000;
const vault = useLiveVault([
  `--vault-hour-ms=${hourMs}`,
  '--vault-check-seconds=1',
  '--vault-idle-seconds=600',
]);
const why = canRunImages ? '' : ` ${needsImages}`;

const keyAnnotation = 'run.googleapis.com/encryption-key';
const actionAnnotation = 'run.googleapis.com/post-key-revocation-action-type';
const hoursAnnotation = 'run.googleapis.com/encryption-key-shutdown-hours';

/** Messages of the seed, literally. */
const said = {
  disabled: (key: string) => `User's CMEK key has been disabled. CMEK key: ${key}`,
  destroyed: (key: string) => `User's CMEK key has been destroyed. CMEK key: ${key}`,
  scheduled: (key: string) => `User's CMEK key has been scheduled for deletion. CMEK Key: ${key}`,
};

/** Reasons of the seed, literally. */
const reasons = [
  'Decrypting CMEK-encrypted layer during container clone start.',
  'Encrypting a newly created data-encryption-key w/ the customer-managed-encryption-key.',
  'Decrypting an existing encrypted data-encryption-key, under the same customer-managed-encryption-key, to be used to encrypt container contents.',
  'Performing an encrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
  'Performing a decrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
];

async function systemLog(project: string): Promise<string[]> {
  const entries = await vault.logEntries(project, 'logName:"varlog%2Fsystem"');
  return entries.map(({ textPayload }) => String(textPayload));
}

describe.skipIf(!canRunImages)('the page on Cloud Run with CMEK', () => {
  test(`prevent-new: what runs goes on, nothing starts, no deployment succeeds${why}`, async () => {
    const project = 'prevent';
    const key = await vault.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', {
      [keyAnnotation]: key,
      [actionAnnotation]: 'prevent-new',
    });
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    const { url } = (await vault.service(project, 'hello')).status;
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });

    await vault.setState(key, 'DISABLED');
    const refused = await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'False',
    );
    expect(refused.message).toBe(said.disabled(key));
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });

    const before = await vault.service(project, 'hello');
    await vault.deploy(
      project,
      'hello',
      { [keyAnnotation]: key, [actionAnnotation]: 'prevent-new' },
      { env: [{ name: 'CHANGED', value: 'yes' }] },
    );
    expect(await vault.settled(project, 'hello')).toMatchObject({
      status: 'False',
      message: said.disabled(key),
    });
    const after = await vault.service(project, 'hello');
    expect(after.status.latestReadyRevisionName).toBe(before.status.latestReadyRevisionName);
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });

    const other = await vault.createKey(project, 'ring', 'valid');
    await vault.deploy(project, 'hello', { [keyAnnotation]: other });
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    expect(await vault.visit(url)).toEqual({ status: 200, text: 'hello' });
  });

  test(`shut-down: what runs is stopped after its hours, and comes back with the key${why}`, async () => {
    const project = 'shutdown';
    const key = await vault.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', {
      [keyAnnotation]: key,
      [actionAnnotation]: 'shut-down',
      [hoursAnnotation]: '1',
    });
    expect(await vault.settled(project, 'hello')).toMatchObject({ status: 'True' });
    const { url } = (await vault.service(project, 'hello')).status;
    expect(await vault.visit(url)).toMatchObject({ status: 200 });

    await vault.setState(key, 'DISABLED');
    expect(await vault.visit(url)).toMatchObject({ status: 200 });
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 503,
    );
    expect(await systemLog(project)).toEqual(expect.arrayContaining([said.disabled(key)]));

    await vault.setState(key, 'ENABLED');
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 200,
    );
  });

  test(`a key that is enabled again before the hours are over stops nothing${why}`, async () => {
    const project = 'cancelled';
    const key = await vault.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', {
      [keyAnnotation]: key,
      [actionAnnotation]: 'shut-down',
      [hoursAnnotation]: '3',
    });
    await vault.settled(project, 'hello');
    const { url } = (await vault.service(project, 'hello')).status;
    const [first] = await instances(project);
    await vault.setState(key, 'DISABLED');
    await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'False',
    );
    await vault.setState(key, 'ENABLED');
    await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'True',
    );
    const startMs = performance.now();
    await vault.until(
      () => vault.visit(url),
      () => performance.now() - startMs > 4 * hourMs,
    );
    const running = (await instances(project)).filter(({ state }) => state === 'READY');
    expect(running.map(({ id }) => id)).toEqual([first?.id]);
  });

  test(`a removed role, a scheduled and a destroyed version each have the words of the page${why}`, async () => {
    const project = 'words';
    const key = await vault.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', { [keyAnnotation]: key });
    await vault.settled(project, 'hello');

    await vault.revokeGrant(key);
    const denied = await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'False',
    );
    expect(denied).toMatchObject({
      reason: 'EncryptionKeyPermissionDenied',
      message: expect.stringMatching(
        /^User's service account does not have CMEK decrypter permission\. Service account: (?:service-)?\d+@serverless-robot-prod\.iam\.gserviceaccount\.com$/,
      ) as unknown,
    });
    await vault.grant(key, project);
    await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'True',
    );

    await vault.call('PATCH', `v1/${key}?updateMask=labels`, {
      labels: { 'sealpost-destroy-in-use': 'allow' },
    });
    await vault.call('POST', `v1/${key}/cryptoKeyVersions/1:destroy`, {});
    const scheduled = await vault.until(
      () => vault.settled(project, 'hello'),
      ({ status }) => status === 'False',
    );
    expect(scheduled).toMatchObject({
      reason: 'EncryptionKeyCheckFailed',
      message: said.scheduled(key),
    });
    await vault.server.pass(31 * 86_400_000);
    const destroyed = await vault.until(
      () => vault.settled(project, 'hello'),
      ({ message }) => message !== said.scheduled(key),
    );
    expect(destroyed.message).toBe(said.destroyed(key));
  });

  test(`each of the five reasons is in the audit log, and each start made one unwrap${why}`, async () => {
    const project = 'reasons';
    const key = await vault.createKey(project, 'ring', 'images');
    await vault.deploy(project, 'hello', { [keyAnnotation]: key });
    await vault.settled(project, 'hello');
    await vault.deploy(
      project,
      'hello',
      { [keyAnnotation]: key },
      { env: [{ name: 'SECOND', value: 'yes' }] },
    );
    await vault.settled(project, 'hello');
    const entries = await vault.until(
      () => vault.logEntries(project, 'protoPayload.serviceName="cloudkms.googleapis.com"'),
      (found) => reasons.every((reason) => JSON.stringify(found).includes(JSON.stringify(reason))),
    );
    const unwraps = entries.filter((entry) => JSON.stringify(entry).includes(reasons[0]!));
    const started = (await instances(project)).length;
    expect(unwraps).toHaveLength(started);
    const text = JSON.stringify(unwraps[0]);
    expect(text).toContain('@serverless-robot-prod.iam.gserviceaccount.com');
    expect(text).toContain(`projects/${project}/locations/us-central1/services/hello`);
  });
});

interface InstanceView {
  readonly id: string;
  readonly state: string;
}

async function instances(project: string): Promise<InstanceView[]> {
  const path = `sealpost/v1/projects/${project}/locations/us-central1/services/hello/instances`;
  const { body } = await vault.call('GET', path);
  return (body['instances'] ?? []) as InstanceView[];
}
