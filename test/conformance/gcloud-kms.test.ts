import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { startServer, type Server } from '../../src/server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const program = 'gcloud';
const hasGcloud = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const folder = temporaryFolder();
const run = promisify(execFile);
let server: Server | undefined;

beforeAll(async () => {
  if (!hasGcloud) return;
  const config = parseConfig(['--port', '0', '--data-dir', join(folder.path, 'data')], {});
  server = await startServer(config, { log: silentLogger });
});

afterAll(async () => {
  await server?.stop();
  folder.remove();
});

/** Overrides for every API that gcloud might ask: a missing one costs it half a minute of DNS. */
function environment(): NodeJS.ProcessEnv {
  const apis = ['CLOUDKMS', 'CLOUDRESOURCEMANAGER', 'IAM', 'PUBSUB', 'SERVICEUSAGE', 'LOGGING'];
  const url = `${server!.url}/`;
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: folder.path,
    CLOUDSDK_CONFIG: join(folder.path, 'gcloud'),
    CLOUDSDK_AUTH_ACCESS_TOKEN: 'none',
    CLOUDSDK_CORE_PROJECT: 'p',
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
    ...Object.fromEntries(apis.map((api) => [`CLOUDSDK_API_ENDPOINT_OVERRIDES_${api}`, url])),
  };
}

async function gcloud(command: string): Promise<string> {
  const { stdout } = await run(program, [...command.split(' '), '--quiet'], {
    env: environment(),
  });
  return stdout.trim();
}

const name = hasGcloud
  ? 'gcloud makes a key, binds the service agent, encrypts, disables and decrypts again'
  : 'gcloud drives the key service (skipped: gcloud is not installed)';

test.skipIf(!hasGcloud)(name, { timeout: 180_000 }, async () => {
  const place = '--location global --keyring r';
  const [plain, sealed, opened] = ['plain', 'sealed', 'opened'].map((file) =>
    join(folder.path, file),
  );
  await gcloud('kms keyrings create r --location global');
  await gcloud(`kms keys create k ${place} --purpose encryption --labels team=ledger`);
  expect(await gcloud(`kms keys list ${place} --format value(name,primary.state)`)).toBe(
    'projects/p/locations/global/keyRings/r/cryptoKeys/k\tENABLED',
  );
  const number = await gcloud('projects describe p --format value(projectNumber)');
  const member = `serviceAccount:service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';
  const bound = await gcloud(
    `kms keys add-iam-policy-binding k ${place} --member ${member} --role ${role}`,
  );
  expect(bound).toContain(`- ${member}`);
  writeFileSync(plain!, 'a DEK');
  const encrypt = `kms encrypt --key k ${place} --plaintext-file ${plain} --ciphertext-file ${sealed}`;
  await gcloud(encrypt);
  await gcloud(`kms keys versions disable 1 --key k ${place}`);
  await expect(gcloud(encrypt)).rejects.toThrow(
    'cryptoKeyVersions/1 is not enabled, current state is: DISABLED.',
  );
  await gcloud(`kms keys versions enable 1 --key k ${place}`);
  await gcloud(
    `kms decrypt --key k ${place} --ciphertext-file ${sealed} --plaintext-file ${opened}`,
  );
  expect(readFileSync(opened!, 'utf8')).toBe('a DEK');
});
