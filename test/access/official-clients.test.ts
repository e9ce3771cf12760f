import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { hasGcloud } from '../support/gcloud.ts';
import { useGuardedServer } from '../support/guarded-server.ts';
import { hasOpenssl } from '../support/test-certificates.ts';

const server = useGuardedServer();
const gcloudExcuse = hasGcloud ? '' : ' (skipped: gcloud is not installed)';
const command = join(import.meta.dirname, '..', '..', 'bin', 'sealpost.js');

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of its own, as users have them: authorities are read when a process begins. */
async function run(
  program: string,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const { PATH = '', HOME = '' } = process.env;
  const given = { PATH, HOME, NODE_NO_WARNINGS: '1', ...env };
  try {
    return {
      code: 0,
      ...(await promisify(execFile)(program, [...words], { env: given, timeout: 60_000 })),
    };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran;
    return { code, stdout, stderr };
  }
}

/** The command line, as the administrator unless another file is named. */
const cli = (line: string, file: string | null = server().adminFile): Promise<Ran> =>
  run(process.execPath, [command, ...line.split(' ')], {
    SEALPOST_SERVER: server().url,
    SEALPOST_PROJECT: server().project,
    SEALPOST_CA: server().authority.caFile,
    ...(file === null ? {} : { SEALPOST_CREDENTIALS: file }),
  });

/** A program of the official library, with what every program of Google Cloud has. */
const node = (source: string, file: string | null): Promise<Ran> =>
  run(process.execPath, ['--input-type=module', '--eval', source], {
    NODE_EXTRA_CA_CERTS: server().authority.caFile,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: server().authority.caFile,
    GOOGLE_CLOUD_PROJECT: server().project,
    METADATA_SERVER_DETECTION: 'none',
    ENDPOINT: `localhost:${server().port}`,
    ...(file === null ? {} : { GOOGLE_APPLICATION_CREDENTIALS: file }),
  });

const publishAndReceive = `
import { PubSub } from '@google-cloud/pubsub';
const pubsub = new PubSub({ apiEndpoint: process.env.ENDPOINT, emulatorMode: false });
const topic = pubsub.topic('orders');
try {
  await topic.publishMessage({ data: Buffer.from('over TLS') });
  await new Promise((resolve, reject) => {
    const subscription = pubsub.subscription('orders-sub');
    subscription.on('message', (message) => {
      message.ack();
      console.log(message.data.toString());
      resolve(subscription.close());
    });
    subscription.on('error', reject);
  });
} catch (error) {
  console.log('refused', error.code);
}
await pubsub.close();
process.exit(0);
`;

describe.skipIf(!hasOpenssl)('with a credentials file, over TLS', () => {
  test('the command line makes topics, accounts and their files', async () => {
    expect(await cli('topics create orders')).toMatchObject({ code: 0 });
    expect(await cli('subscriptions create orders-sub --topic orders')).toMatchObject({ code: 0 });
    const worker = server().at('worker.json');
    const roles = '--role roles/pubsub.publisher --role roles/pubsub.subscriber';
    const made = await cli(`accounts create worker ${roles} --out ${worker}`);
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(statSync(worker).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(worker, 'utf8'))).toMatchObject({
      type: 'service_account',
      client_email: `worker@${server().project}.iam.gserviceaccount.com`,
      token_uri: `${server().url}/token`,
    });
    const again = await cli(`accounts keys create worker --out ${worker}`);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') });
    const stranger = server().at('stranger.json');
    expect(await cli(`accounts create stranger --out ${stranger}`)).toMatchObject({ code: 0 });
  });

  test("Node's library publishes and receives", async () => {
    const { stdout, stderr } = await node(publishAndReceive, server().at('worker.json'));
    expect([stdout, stderr]).toEqual(['over TLS\n', '']);
  });

  test('a stranger is known, and may nothing', async () => {
    const { stdout } = await node(publishAndReceive, server().at('stranger.json'));
    expect(stdout).toBe('refused 7\n');
  });

  test.each(['topics list', 'topics delete orders', 'audit list', 'top --once', 'keys list'])(
    'the command line refuses a stranger %s, and whoever is nobody',
    async (line) => {
      const refused = await cli(line, server().at('stranger.json'));
      expect([refused.code, /PERMISSION_DENIED|403/.test(refused.stderr)]).toEqual([
        refused.code,
        true,
      ]);
      const nobody = await cli(line, null);
      expect([nobody.code === 0, /UNAUTHENTICATED|401/.test(nobody.stderr)]).toEqual([false, true]);
    },
  );

  test('the command line publishes and subscribes by what it may, and an API key does too', async () => {
    const worker = server().at('worker.json');
    expect(await cli('publish orders hello', worker)).toMatchObject({ code: 0 });
    const file = server().at('worker.key');
    expect(await cli(`api-keys create worker --out ${file}`)).toMatchObject({ code: 0 });
    const key = readFileSync(file, 'utf8').trim();
    const byKey = await run(process.execPath, [command, 'subscribe', 'orders-sub', '--max', '1'], {
      SEALPOST_SERVER: server().url,
      SEALPOST_PROJECT: server().project,
      SEALPOST_CA: server().authority.caFile,
      SEALPOST_API_KEY: key,
    });
    expect([byKey.code, byKey.stdout]).toEqual([0, expect.stringContaining('hello')]);
  });

  test.skipIf(!hasGcloud)(
    `gcloud gets a token for its file, and publishes${gcloudExcuse}`,
    async () => {
      const { caFile } = server().authority;
      const variables = {
        CLOUDSDK_CONFIG: server().at('gcloud'),
        CLOUDSDK_CORE_PROJECT: server().project,
        CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: caFile,
        CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
        CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB: `${server().url}/`,
        REQUESTS_CA_BUNDLE: caFile,
      };
      const gcloud = (line: string): Promise<Ran> => run('gcloud', line.split(' '), variables);
      const publish = 'pubsub topics publish orders --message hello';
      const login = (file: string): string => `auth activate-service-account --key-file ${file}`;
      expect(await gcloud(login(server().at('worker.json')))).toMatchObject({ code: 0 });
      expect(await gcloud(publish)).toMatchObject({ code: 0 });
      expect(await gcloud(login(server().at('stranger.json')))).toMatchObject({ code: 0 });
      const refused = await gcloud(publish);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringContaining('PERMISSION_DENIED'),
      ]);
    },
  );

  test('a disabled account is refused at once', async () => {
    expect(await cli('accounts disable worker')).toMatchObject({ code: 0 });
    const worker = server().at('worker.json');
    expect((await node(publishAndReceive, worker)).stdout).toBe('refused 16\n');
    const { stderr } = await cli('topics list', worker);
    expect(stderr).toContain(`The server refused the credentials of ${worker}: disabled,`);
    expect(stderr).not.toContain('Say who you are');
    expect(await cli('accounts enable worker')).toMatchObject({ code: 0 });
  });

  test('an authority that is not known is said so', async () => {
    const { stderr } = await run(process.execPath, [command, 'topics', 'list'], {
      SEALPOST_SERVER: server().url,
      SEALPOST_PROJECT: server().project,
    });
    expect(stderr).toContain('an authority that is not known');
    expect(stderr).toContain('--ca FILE');
  });

  test('a call in the clear is told to use https', async () => {
    const clear = server().url.replace('https:', 'http:');
    const ran = await run(process.execPath, [command, 'topics', 'list'], {
      SEALPOST_SERVER: clear,
      SEALPOST_PROJECT: server().project,
    });
    expect(ran).toMatchObject({
      code: 6,
      stderr: `sealpost topics list: ${clear} speaks TLS: use https. Call it at ${server().url}.\n`,
    });
  });
});
