import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { canGcloudRun, Gcloud, gcloudRunExcuse } from '../support/gcloud.ts';
import { canRunImages, helloImage, needsImages, useLiveVault } from '../support/live-vault.ts';
import { temporaryFolder } from '../support/server-process.ts';

/**
 * The commands of the seed's page on Cloud Run with CMEK, given by the real gcloud as they stand there:
 * real images, real processes, an hour of four seconds. test/vault/run-seed.test.ts does the same by REST.
 */
const hourMs = 4_000;
const vault = useLiveVault(['--vault-hour-ms', String(hourMs), '--vault-check-seconds', '1']);
const folder = temporaryFolder();
afterAll(() => folder.remove());
const gcloud = new Gcloud(() => vault.url, folder.path, 'test-project', { hosts: true });

const ring = 'projects/test-project/locations/us-central1/keyRings/test-keyring';
const key = `${ring}/cryptoKeys/test-key`;
const at = '--keyring=test-keyring --location=us-central1';
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
const disabled = `User's CMEK key has been disabled. CMEK key: ${key}`;

const canRun = canGcloudRun && canRunImages;
const why = canGcloudRun ? (canRunImages ? '' : ` ${needsImages}`) : gcloudRunExcuse;

/** Whether a command failed, and what it said then. */
async function refusal(...argv: readonly string[]): Promise<string> {
  try {
    return `it succeeded: ${await gcloud.run(...argv)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const serviceUrl = (): Promise<string> =>
  gcloud.line('run services describe hello --format=value(status.url)');

const keyVersion = (verb: 'disable' | 'enable'): Promise<string> =>
  gcloud.line(`kms keys versions ${verb} 1 --key=test-key ${at}`);

describe.skipIf(!canRun)('gcloud, as the page on Cloud Run with CMEK has it', () => {
  beforeAll(async () => {
    await gcloud.line('kms keyrings create test-keyring --location=us-central1');
    await gcloud.line(`kms keys create test-key ${at} --purpose=encryption`);
  }, 120_000);

  test(`run deploy needs the role of the service agent, and then serves${why}`, async () => {
    const deploy = [
      'run',
      'deploy',
      'hello',
      '--image',
      helloImage,
      '--key',
      key,
      '--post-key-revocation-action-type',
      'shut-down',
      '--encryption-key-shutdown-hours',
      '1',
    ];
    expect(await refusal(...deploy)).toMatch(
      /User's service account does not have CMEK decrypter permission\. Service account: (?:service-)?\d+@serverless-robot-prod\.iam\.gserviceaccount\.com/,
    );
    const member = `serviceAccount:${await vault.serviceAgent('test-project')}`;
    await gcloud.line(
      `kms keys add-iam-policy-binding test-key ${at} --member ${member} --role=${role}`,
    );
    await gcloud.run(...deploy);
    expect(await vault.visit(await serviceUrl())).toEqual({ status: 200, text: 'hello' });
  });

  test(`services describe shows the key, and exports what services replace takes${why}`, async () => {
    const shown = await gcloud.line('run services describe hello');
    expect(shown).toMatch(/CMEK: +test-key/);
    const exported = await gcloud.line('run services describe hello --format export');
    expect(exported).toContain(`run.googleapis.com/encryption-key: ${key}`);
    expect(exported).toContain('run.googleapis.com/post-key-revocation-action-type: shut-down');
    expect(exported).toMatch(/run\.googleapis\.com\/encryption-key-shutdown-hours: '1'/);
    const file = join(folder.path, 'service.yaml');
    const changed = exported
      .replace("encryption-key-shutdown-hours: '1'", "encryption-key-shutdown-hours: '2'")
      .replace(/^( {4}metadata:\n)/m, '$1      name: hello-two\n');
    // An export names the revision that it shows: it is removed, or there is nothing to replace.
    writeFileSync(file, changed.replace(/^ {6}name: hello-0.*\n/m, ''));
    await gcloud.run('run', 'services', 'replace', file);
    expect(readFileSync(file, 'utf8')).toContain('hello-two');
    const revisions = await gcloud.line(
      'run revisions list --service=hello --format=value(metadata.name)',
    );
    expect(revisions.split('\n')).toContain('hello-two');
  });

  test(`services update changes the action, and keeps what it does not name${why}`, async () => {
    await gcloud.line(
      `run services update hello --key ${key} --post-key-revocation-action-type shut-down --encryption-key-shutdown-hours 1`,
    );
    const shown = await gcloud.line('run services describe hello --format export');
    expect(shown).toContain(`run.googleapis.com/encryption-key: ${key}`);
    expect(shown).toMatch(/run\.googleapis\.com\/encryption-key-shutdown-hours: '1'/);
    await gcloud.line('run services update hello --update-env-vars=COLOUR=green');
    const kept = await gcloud.line('run services describe hello --format export');
    expect(kept).toContain(`run.googleapis.com/encryption-key: ${key}`);
  });

  test(`bad settings get the field and the rule${why}`, async () => {
    const update = ['run', 'services', 'update', 'hello'];
    expect(await refusal(...update, '--encryption-key-shutdown-hours', '0')).toContain(
      'run.googleapis.com/encryption-key-shutdown-hours',
    );
    expect(await refusal(...update, '--key', key.replace('us-central1', 'europe-west1'))).toMatch(
      /encryption-key/,
    );
  });

  test(`a disabled key: curl answers before the hours are over, not after${why}`, async () => {
    const url = await serviceUrl();
    expect(await vault.visit(url)).toMatchObject({ status: 200 });
    await keyVersion('disable');
    expect(await refusal('run', 'deploy', 'hello', '--image', helloImage)).toContain(disabled);
    const shown = await gcloud.line('run services describe hello');
    // It wraps its lines.
    expect(shown.replaceAll(/\s/g, '')).toContain(disabled.replaceAll(' ', ''));
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 503,
    );
    await keyVersion('enable');
    await vault.until(
      () => vault.visit(url),
      ({ status }) => status === 200,
    );
  });

  test(`logging read tells why the key was used, and what befell the service${why}`, async () => {
    const uses = await gcloud.run(
      'logging',
      'read',
      'protoPayload.serviceName="cloudkms.googleapis.com"',
      '--format=json',
      '--limit=1000',
    );
    for (const reason of [
      'Decrypting CMEK-encrypted layer during container clone start.',
      'Encrypting a newly created data-encryption-key w/ the customer-managed-encryption-key.',
      'Decrypting an existing encrypted data-encryption-key, under the same customer-managed-encryption-key, to be used to encrypt container contents.',
      'Performing an encrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
      'Performing a decrypt operation on dummy data to check the customer-managed-encryption-key status and access.',
    ]) {
      expect(uses).toContain(JSON.stringify(reason).slice(1, -1));
    }
    const log = await gcloud.run(
      'logging',
      'read',
      'resource.type=cloud_run_revision AND severity>=ERROR',
      '--format=value(textPayload)',
    );
    expect(log).toContain(disabled);
    // It shows stdout, stderr and requests, and nothing else of a service's logs.
    const read = await gcloud.line('run services logs read hello --limit=200');
    expect(read).toMatch(/GET 200 http:\/\/hello\.localhost:\d+\//);
    expect(read).toMatch(/GET 503 /);
  });

  test(`revisions and the service can be deleted${why}`, async () => {
    await gcloud.line('run revisions delete hello-two');
    await gcloud.line('run services delete hello');
    expect(await gcloud.line('run services list --format=value(metadata.name)')).toBe('');
  });
});
