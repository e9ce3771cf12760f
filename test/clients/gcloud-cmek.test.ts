import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Gcloud, hasGcloud } from '../support/gcloud.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

/**
 * The commands of the seed's page on Pub/Sub with CMEK, given by the real gcloud as they stand there,
 * and what each of them does to publishers and subscribers.
 */
const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => live.url, folder.path, 'test-project');

const ring = 'projects/test-project/locations/us-central1/keyRings/test-keyring';
const key = `${ring}/cryptoKeys/test-key`;
const at = '--keyring=test-keyring --location=us-central1';
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const topic = 'projects/test-project/topics/orders';
const subscription = 'projects/test-project/subscriptions/kitchen';

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(path: string, body: unknown): Promise<Answer> {
  const init = { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(`${live.url}/v1/${path}`, init);
  return { status: response.status, text: await response.text() };
}

const publish = (): Promise<Answer> =>
  post(`${topic}:publish`, { messages: [{ data: Buffer.from('order').toString('base64') }] });
const pull = (): Promise<Answer> =>
  post(`${subscription}:pull`, { maxMessages: 1, returnImmediately: true });

/** Both are refused, with the key service's own words, from the command's end on. */
async function expectStopped(words: RegExp): Promise<void> {
  for (const answer of [await publish(), await pull()]) {
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('FAILED_PRECONDITION');
    expect(answer.text).toMatch(words);
  }
}

async function expectGoingOn(): Promise<void> {
  expect(await publish()).toMatchObject({ status: 200 });
  expect((await pull()).text).toContain(Buffer.from('order').toString('base64'));
}

const versions = (command: string): Promise<string> =>
  gcloud.line(`kms keys versions ${command} 1 --key=test-key ${at} --format=value(state)`);

/** As gcloud projects describe has it. */
async function serviceAgent(): Promise<string> {
  const number = await gcloud.line('projects describe test-project --format=value(projectNumber)');
  return `serviceAccount:service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`;
}

const why = hasGcloud ? '' : ' (skipped: gcloud is not installed)';

describe.skipIf(!hasGcloud)('gcloud, as the page on CMEK has it', () => {
  beforeAll(async () => {
    await gcloud.line('kms keyrings create test-keyring --location=us-central1');
    await gcloud.line(`kms keys create test-key ${at} --purpose=encryption`);
  });

  test(`without the role a topic cannot be created, with it it can${why}`, async () => {
    const create = `pubsub topics create orders --topic-encryption-key=${key}`;
    await expect(gcloud.line(create)).rejects.toThrow(/cryptoKeyVersions\.useToEncrypt/);
    const member = await serviceAgent();
    const policy = await gcloud.line(
      `kms keys add-iam-policy-binding ${key} --member=${member} --role=${role} --format=json`,
    );
    expect(JSON.parse(policy)).toMatchObject({ bindings: [{ role, members: [member] }] });
    await gcloud.line(create);
    await gcloud.line('pubsub subscriptions create kitchen --topic=orders');
    await expectGoingOn();
  });

  test(`the topic's key is changed, not retroactively${why}`, async () => {
    await publish();
    await gcloud.line(`kms keys create other-key ${at} --purpose=encryption`);
    const other = `${ring}/cryptoKeys/other-key`;
    const member = await serviceAgent();
    await gcloud.line(`kms keys add-iam-policy-binding ${other} --member=${member} --role=${role}`);
    await gcloud.line(`pubsub topics update orders --topic-encryption-key=${other}`);
    expect(await gcloud.line('pubsub topics describe orders --format=value(kmsKeyName)')).toBe(
      other,
    );
    await versions('disable');
    expect((await publish()).status).toBe(200);
    expect((await pull()).text).toMatch(/test-key\/cryptoKeyVersions\/1 is not enabled/);
    await versions('enable');
    await gcloud.line(`pubsub topics update orders --topic-encryption-key=${key}`);
    await expectGoingOn();
  });

  test(`a disabled version stops publish and pull, an enabled one lets them go on${why}`, async () => {
    expect(await versions('disable')).toBe('DISABLED');
    await expectStopped(/is not enabled, current state is: DISABLED/);
    expect(await versions('enable')).toBe('ENABLED');
    await expectGoingOn();
  });

  test(`a removed role stops them, a restored one lets them go on${why}`, async () => {
    const member = await serviceAgent();
    await gcloud.line(
      `kms keys remove-iam-policy-binding ${key} --member=${member} --role=${role}`,
    );
    await expectStopped(/Permission 'cloudkms\.cryptoKeyVersions\.useTo(?:En|De)crypt' denied/);
    await gcloud.line(`kms keys add-iam-policy-binding ${key} --member=${member} --role=${role}`);
    await expectGoingOn();
  });

  test(`destruction is refused while messages depend on it, unless its owner insists${why}`, async () => {
    await publish();
    await expect(versions('destroy')).rejects.toThrow(/topics\/orders/);
    await gcloud.line(
      `kms keys update test-key ${at} --update-labels=sealpost-destroy-in-use=allow`,
    );
    expect(await versions('destroy')).toBe('DESTROY_SCHEDULED');
    await expectStopped(/is not enabled, current state is: DESTROY_SCHEDULED/);
    expect(await versions('restore')).toBe('DISABLED');
    await expectStopped(/is not enabled, current state is: DISABLED/);
    expect(await versions('enable')).toBe('ENABLED');
    await expectGoingOn();
  });

  test(`logging read tells who did what with the key, and for which topic${why}`, async () => {
    const read = async (filter: string): Promise<unknown[]> =>
      JSON.parse(
        await gcloud.run('logging', 'read', filter, '--format=json', '--limit=100'),
      ) as unknown[];
    const changes = await read(
      `logName="projects/test-project/logs/cloudaudit.googleapis.com%2Factivity" AND resource.type="cloudkms_cryptokeyversion"`,
    );
    const method = (entry: unknown): string =>
      (entry as { protoPayload: { methodName: string } }).protoPayload.methodName;
    expect(changes.map(method)).toEqual(
      expect.arrayContaining([
        'UpdateCryptoKeyVersion',
        'DestroyCryptoKeyVersion',
        'RestoreCryptoKeyVersion',
      ]),
    );
    const member = (await serviceAgent()).slice('serviceAccount:'.length);
    const uses = await read(
      `protoPayload.methodName="Encrypt" AND protoPayload.authenticationInfo.principalEmail="${member}"`,
    );
    expect(uses.length).toBeGreaterThan(0);
    expect(JSON.stringify(uses)).toContain(topic);
    const ofTopic = await read(
      'protoPayload.methodName="google.pubsub.v1.Publisher.CreateTopic" AND severity>=NOTICE',
    );
    expect(JSON.stringify(ofTopic)).toContain(key);
  });
});
