import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/servers/program.ts';
import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const variables = (project: string): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: project,
});

/** Words of a command line, separated by blanks. */
async function cli(line: string, project = 'tour'): Promise<CliEnded> {
  return await runCli(line.split(' '), variables(project));
}

const done = (...lines: string[]): CliEnded => ({
  code: 0,
  stdout: lines.map((line) => `${line}\n`).join(''),
  stderr: '',
});
const failed = (code: number, line: string): CliEnded => ({
  code,
  stdout: '',
  stderr: `${line}\n`,
});
const note = (line: string): CliEnded => ({ code: 0, stdout: '', stderr: `${line}\n` });

const unusedUrl = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;

describe('topics', () => {
  test('live from create to delete', async () => {
    const name = 'projects/life/topics/orders';
    const at = (line: string): Promise<CliEnded> => cli(line, 'life');
    expect(await at('topics list')).toEqual(note('There are no topics in life.'));
    expect(await at('topics create orders --label team=kitchen --retention 1d')).toEqual(
      done(
        `Created ${name}, sealed under the service's own key.`,
        'Next: sealpost subscriptions create NAME --topic orders',
      ),
    );
    expect(await at('topics list')).toEqual(
      done(
        'TOPIC   KEY                    RETENTION  LABELS',
        "orders  the service's own key  1d         team=kitchen",
      ),
    );
    expect(await at('topics list --ids')).toEqual(done('orders'));
    expect(await at('topics update orders --clear-labels --retention 7d')).toEqual(
      done(`Updated ${name}; it is sealed under the service's own key.`),
    );
    expect(await at('topics describe orders')).toEqual(
      done(
        `Topic          ${name}`,
        "Key            the service's own key",
        'Retention      7d',
        'Subscriptions  none',
      ),
    );
    const described = await at('topics describe orders --json');
    expect(JSON.parse(described.stdout)).toMatchObject({
      name,
      messageRetentionDuration: '604800s',
      subscriptions: [],
    });
    expect(await at('topics delete orders')).toEqual(done(`Deleted ${name}.`));
    const gone = await at('topics describe orders');
    expect([gone.code, gone.stdout]).toEqual([3, '']);
    expect(gone.stderr).toBe(
      'sealpost topics describe: NOT_FOUND: Resource not found (resource=orders). ' +
        'Look for it with: sealpost topics list\n',
    );
  });

  test('that exist are not made again, and say so by their exit code', async () => {
    await cli('topics create twice', 'exist');
    const again = await cli('topics create twice', 'exist');
    expect(again).toEqual(
      failed(
        4,
        'sealpost topics create: ALREADY_EXISTS: Resource already exists in the project (resource=twice).',
      ),
    );
  });
});

describe('subscriptions', () => {
  test('live from create to delete', async () => {
    const at = (line: string): Promise<CliEnded> => cli(line, 'sub');
    const name = 'projects/sub/subscriptions/kitchen';
    await at('topics create orders');
    expect(await at('subscriptions create kitchen --topic orders --ack-deadline 1m')).toEqual(
      done(`Created ${name} on projects/sub/topics/orders.`, 'Next: sealpost subscribe kitchen'),
    );
    expect(await at('subscriptions list')).toEqual(
      done(
        'SUBSCRIPTION  TOPIC   ACK DEADLINE  RETENTION  PUSH TO  LABELS',
        'kitchen       orders  60s           7d',
      ),
    );
    const update = 'subscriptions update kitchen --ack-deadline 5m --expiration-period never';
    expect(await at(`${update} --retain-acked --label a=b`)).toEqual(done(`Updated ${name}.`));
    expect(await at('subscriptions describe kitchen')).toEqual(
      done(
        `Subscription  ${name}`,
        'Topic         projects/sub/topics/orders',
        'Ack deadline  300s',
        'Retention     7d',
        'Acknowledged  kept until the retention ends',
        'Expires       never',
        'Push to       nowhere: programs pull',
        'State         ACTIVE',
        'Labels        a=b',
      ),
    );
    expect(await at('subscriptions delete kitchen --json')).toEqual(
      done('{', `  "name": "${name}"`, '}'),
    );
    expect(await at('subscriptions list --json')).toEqual(done('[]'));
  });

  test('take order, filters, dead letters and retries, and keep of a policy what is not named', async () => {
    const at = (line: string): Promise<CliEnded> => cli(line, 'policies');
    const name = 'projects/policies/subscriptions/kitchen';
    for (const topic of ['orders', 'failed', 'worse']) await at(`topics create ${topic}`);
    const create = 'subscriptions create kitchen --topic orders --enable-message-ordering';
    const filter = '--message-filter attributes:table --dead-letter-topic failed';
    const retry = '--min-retry-delay 20s --max-retry-delay 2m';
    expect((await at(`${create} ${filter} ${retry}`)).code).toBe(0);
    const described = async (): Promise<unknown> =>
      JSON.parse((await at('subscriptions describe kitchen --json')).stdout);
    expect(await described()).toMatchObject({
      enableMessageOrdering: true,
      filter: 'attributes:table',
      deadLetterPolicy: {
        deadLetterTopic: 'projects/policies/topics/failed',
        maxDeliveryAttempts: 5,
      },
      retryPolicy: { minimumBackoff: '20s', maximumBackoff: '120s' },
    });
    const update = 'subscriptions update kitchen --max-delivery-attempts 7';
    expect((await at(`${update} --enable-exactly-once-delivery`)).code).toBe(0);
    expect((await at('subscriptions update kitchen --max-retry-delay 5m')).code).toBe(0);
    expect(await at('subscriptions describe kitchen')).toEqual(
      done(
        `Subscription  ${name}`,
        'Topic         projects/policies/topics/orders',
        'Ack deadline  10s',
        'Retention     7d',
        'Acknowledged  dropped',
        'Expires       31d without use',
        'Push to       nowhere: programs pull',
        'Order         kept for each ordering key',
        'Exactly once  yes',
        'Filter        attributes:table',
        'Dead letters  to projects/policies/topics/failed after 7 failures',
        'Retry         after 20s to 5m',
        'State         ACTIVE',
      ),
    );
    const clear = '--clear-retry-policy --clear-dead-letter-policy';
    const plain = 'subscriptions update kitchen --no-enable-exactly-once-delivery';
    expect(await at(`${plain} ${clear}`)).toEqual(done(`Updated ${name}.`));
    const after = (await described()) as object;
    expect(after).not.toHaveProperty('deadLetterPolicy');
    expect(after).not.toHaveProperty('retryPolicy');
    const circle = await at('subscriptions update kitchen --dead-letter-topic orders');
    expect(circle.stderr).toContain('INVALID_ARGUMENT');
    const missing = await at('subscriptions update kitchen --dead-letter-topic none');
    expect([missing.code, missing.stderr.endsWith('Next: sealpost topics create none\n')]).toEqual([
      3,
      true,
    ]);
  });

  test('go back to a snapshot or a time, and are detached', async () => {
    const at = (line: string): Promise<CliEnded> => cli(line, 'replay');
    const name = 'projects/replay/subscriptions/kitchen';
    const snapshot = 'projects/replay/snapshots/before';
    await at('topics create orders --retention 1d');
    await at('subscriptions create kitchen --topic orders');
    await at('publish orders soup');
    const created = await at('snapshots create before --subscription kitchen --label a=b');
    expect(created.stdout).toMatch(
      new RegExp(
        `^Created ${snapshot} of ${name}; it is kept until 20\\S+Z\\.\n` +
          'Next, to come back to it: sealpost subscriptions seek kitchen --snapshot before\n$',
      ),
    );
    expect((await at('snapshots list')).stdout).toMatch(
      /^SNAPSHOT {2}TOPIC {3}EXPIRES {2,}LABELS\nbefore {4}orders {2}20\S+Z {2}a=b\n$/,
    );
    expect(await at('snapshots list --ids')).toEqual(done('before'));
    expect((await at('pull kitchen --ack')).stdout).toContain('soup');
    expect(await at('subscriptions seek kitchen --snapshot before')).toEqual(
      done(
        `Sought ${name} to ${snapshot}.`,
        'Messages before it are acknowledged, later ones come again; ack ids from before are void.',
      ),
    );
    expect((await at('pull kitchen --ack')).stdout).toContain('soup');
    expect((await at('subscriptions seek kitchen --time 1h')).code).toBe(0);
    expect((await at('pull kitchen')).stdout).toContain('soup');
    expect((await at('subscriptions seek kitchen --time 2099-01-01T00:00:00Z')).code).toBe(0);
    expect((await at('pull kitchen')).stdout).not.toContain('soup');
    expect(await at('snapshots update before --expire-time 2h --clear-labels')).toEqual(
      done(`Updated ${snapshot}.`),
    );
    expect((await at('snapshots describe before')).stdout).not.toContain('Labels');
    const missing = await at('subscriptions seek kitchen --snapshot none');
    expect([missing.code, missing.stderr.endsWith('sealpost snapshots list\n')]).toEqual([3, true]);
    expect(await at('snapshots delete before')).toEqual(done(`Deleted ${snapshot}.`));
    expect(await at('subscriptions detach kitchen')).toEqual(
      done(`Detached ${name} from its topic: it has no messages and gets none.`),
    );
    expect((await at('subscriptions describe kitchen')).stdout).toContain('Detached');
  });

  test('are pushed and pulled in turn', async () => {
    const at = (line: string): Promise<CliEnded> => cli(line, 'push');
    const url = await unusedUrl();
    await at('topics create orders');
    const created = await at(`subscriptions create hook --topic orders --push-endpoint ${url}/o`);
    expect(created.stdout).toContain(`What is published to it is sent to ${url}/o.\n`);
    const json = await at('subscriptions describe hook --json');
    expect(JSON.parse(json.stdout)).toMatchObject({ pushConfig: { pushEndpoint: `${url}/o` } });
    const name = 'projects/push/subscriptions/hook';
    expect(await at('subscriptions modify-push-config hook --clear')).toEqual(
      done(`${name} is pulled from now on.`),
    );
    const bare = `subscriptions modify-push-config hook --push-endpoint ${url} --push-no-wrapper`;
    expect(await at(`${bare} --push-write-metadata`)).toEqual(done(`${name} is pushed to ${url}.`));
    const shown = await at('subscriptions describe hook --json');
    expect(JSON.parse(shown.stdout)).toMatchObject({
      pushConfig: { pushEndpoint: url, noWrapper: { writeMetadata: true } },
    });
  });
});

describe('keys', () => {
  const ring = 'projects/keys/locations/global/keyRings/cafe';
  const key = `${ring}/cryptoKeys/orders`;
  const at = (line: string): Promise<CliEnded> => cli(line, 'keys');

  beforeAll(async () => {
    await cli('keys rings create cafe', 'keys');
  });

  test('are made, granted, rotated, disabled and revoked', async () => {
    const again = await at('keys rings create cafe');
    expect(again.code).toBe(4);
    expect(await at('keys create cafe/orders')).toEqual(
      done(
        `Created ${key}; version 1 is enabled and primary.`,
        'Next, so that topics may use it: sealpost keys grant cafe/orders',
      ),
    );
    const refused = await at('topics create orders --key cafe/orders');
    expect([refused.code, refused.stdout]).toEqual([5, '']);
    expect(refused.stderr).toMatch(/^sealpost topics create: FAILED_PRECONDITION: Cloud KMS error/);
    expect(refused.stderr).toMatch(
      new RegExp(`Try: sealpost keys grant ${key} --project PROJECT\n$`),
    );
    const { stdout } = await at('keys grant cafe/orders');
    const agent = /service-\d+@gcp-sa-pubsub\.iam\.gserviceaccount\.com/.exec(stdout)?.[0] ?? '';
    expect(stdout).toBe(
      `Topics of keys may use cafe/orders: ${agent} is bound to it.\n` +
        'Next: sealpost topics create NAME --key cafe/orders --project keys\n',
    );
    expect((await at('keys grant cafe/orders')).stdout).toContain('could use cafe/orders already');
    expect((await at('topics create orders --key cafe/orders')).stdout).toContain(
      'sealed under cafe/orders.',
    );
    expect((await at('keys versions create cafe/orders')).stdout).toContain('Created version 2');
    expect((await at('keys versions primary cafe/orders 2')).code).toBe(0);
    expect((await at('keys versions disable cafe/orders 2')).stdout).toContain(
      'Undo: sealpost keys versions enable cafe/orders 2\n',
    );
    expect(await at('keys list')).toEqual(
      done('KEY          PRIMARY  STATE     LABELS', 'cafe/orders  2        DISABLED'),
    );
    const closed = await at('publish orders hello');
    expect([closed.code, closed.stdout]).toEqual([5, '']);
    expect(closed.stderr).toMatch(
      /^sealpost publish: FAILED_PRECONDITION: .*is: DISABLED\. Try: sealpost keys versions enable \S+ 2\n$/,
    );
    expect((await at('keys versions enable cafe/orders 2')).code).toBe(0);
    expect((await at('publish orders hello')).stdout).toContain('Published 1 message');
    expect(await at('keys describe cafe/orders')).toEqual(
      done(
        `Key         ${key}`,
        'Primary     2',
        'Versions    1 ENABLED',
        '            2 ENABLED',
        `May use it  serviceAccount:${agent} (cloudkms.cryptoKeyEncrypterDecrypter)`,
      ),
    );
    expect((await at('keys revoke cafe/orders')).stdout).toContain('may use cafe/orders no more');
    expect((await at('keys revoke cafe/orders')).stdout).toContain('had no binding');
    expect((await at('publish orders hello')).code).toBe(5);
  });

  test('may be granted to another project, and other bindings stay', async () => {
    await at('keys create cafe/lent');
    const lent = `${ring}/cryptoKeys/lent`;
    await at('keys grant cafe/lent');
    const granted = await cli(`keys grant ${lent} --json`, 'borrower');
    expect(JSON.parse(granted.stdout)).toMatchObject({
      key: lent,
      project: 'borrower',
      changed: true,
    });
    const created = await cli(`topics create theirs --key ${lent}`, 'borrower');
    expect(created.code).toBe(0);
    await cli(`keys revoke ${lent}`, 'borrower');
    const { policy } = JSON.parse((await at('keys describe cafe/lent --json')).stdout) as {
      policy: { bindings: { members: string[] }[] };
    };
    expect(policy.bindings.map(({ members }) => members.length)).toEqual([1]);
  });

  test('and versions and rings are listed', async () => {
    await at('keys create cafe/listed');
    const versions = await at('keys versions list cafe/listed');
    expect(versions.stdout).toMatch(
      /^VERSION {2}STATE {4}PRIMARY {2}CREATED\n1 +ENABLED {2}yes +20/,
    );
    expect((await at('keys rings list')).stdout).toMatch(/^KEY RING {2}CREATED\ncafe +20/);
    expect((await at('keys list cafe --json')).stdout).toContain('cryptoKeys/listed"');
    expect(await at('keys list none')).toMatchObject({ stdout: '' });
  });
});

describe('what cannot be understood has exit code 2 and one line', () => {
  test.each([
    ['topics', 'sealpost topics: A command is needed. See sealpost help topics.'],
    ['topics brew', "sealpost topics: Unknown command 'brew'. See sealpost help topics."],
    [
      'topics create',
      "sealpost topics create: Missing required argument 'TOPIC'. See sealpost help topics create.",
    ],
    [
      'topics list --jsno',
      "sealpost topics list: Unknown option '--jsno' (Did you mean --json?) See sealpost help topics list.",
    ],
    [
      'topics create abc --key',
      "sealpost topics create: Option '--key <KEY>' argument missing. See sealpost help topics create.",
    ],
    [
      'topics delete aaa bbb',
      "sealpost topics delete: Too many arguments for 'delete'. Expected 1 argument but got 2. See sealpost help topics delete.",
    ],
    [
      'topics update abc --key a/b --clear-key',
      'sealpost topics update: --key and --clear-key contradict each other.',
    ],
    [
      'subscriptions create abc',
      'sealpost subscriptions create: A subscription needs a topic. Add --topic TOPIC.',
    ],
    [
      'subscriptions create abc --topic t1t --push-audience a',
      'sealpost subscriptions create: --push-audience needs --push-endpoint.',
    ],
    [
      'subscriptions create abc --topic t1t --max-delivery-attempts 7',
      'sealpost subscriptions create: --max-delivery-attempts needs --dead-letter-topic.',
    ],
    [
      'subscriptions create abc --topic t1t --dead-letter-topic t2t --max-delivery-attempts 4',
      'sealpost subscriptions create: --max-delivery-attempts must be a whole number from 5 to 100, not "4".',
    ],
    [
      'subscriptions update abc --min-retry-delay 5s --clear-retry-policy',
      'sealpost subscriptions update: --min-retry-delay and --clear-retry-policy contradict each other.',
    ],
    [
      'subscriptions seek abc --time 1h --snapshot s1s',
      'sealpost subscriptions seek: Give either --time or --snapshot.',
    ],
    [
      'subscriptions seek abc --time yesterday',
      'sealpost subscriptions seek: --time must be a time such as 2026-01-31T12:00:00Z, or a duration ago such as 2h, not "yesterday".',
    ],
    [
      'snapshots create abc',
      'sealpost snapshots create: A snapshot needs a subscription. Add --subscription SUBSCRIPTION.',
    ],
    [
      'subscriptions modify-push-config abc',
      'sealpost subscriptions modify-push-config: Give either --push-endpoint or --clear.',
    ],
    ['keys versions enable a/b x', 'sealpost keys versions enable: "x" is no number of a version.'],
    ['subscribe', 'sealpost subscribe: Give either SUBSCRIPTION or --topic TOPIC.'],
    ['top --interval 0s', 'sealpost top: --interval must be at least 1s.'],
  ])('%s', async (line, stderr) => {
    const ended = await cli(line);
    expect(ended).toEqual(failed(2, stderr));
  });

  test('a project that nobody named', async () => {
    const ended = await runCli(['topics', 'list'], { SEALPOST_SERVER: live.url });
    expect(ended).toEqual(
      failed(
        2,
        'sealpost topics list: No project is named. Add --project ID, or set SEALPOST_PROJECT.',
      ),
    );
  });
});

test('a server that is not there is told apart, with what to do', async () => {
  const url = await unusedUrl();
  for (const line of ['topics list', 'publish orders hi --give-up-after 0s', 'subscribe bar']) {
    const argv = [...line.split(' '), '--server', url];
    const { code, stdout, stderr } = await runCli(argv, { SEALPOST_PROJECT: 'p' });
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr.slice(stderr.indexOf('http'))).toBe(
      `${url} refuses connections. Is the server running? Start it with: npm start\n`,
    );
  }
});

test('an address where something else answers is told apart', async () => {
  const other = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno');
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const { code, stderr } = await runCli(['topics', 'list', '--server', url, '--project', 'p']);
  other.close();
  expect(code).toBe(1);
  expect(stderr).toContain('Is another program, or an older Sealpost, at this address?\n');
});

test('the variable of the official clients is understood', async () => {
  const argv = ['topics', 'list', '--project', 'fresh'];
  const ended = await runCli(argv, { PUBSUB_EMULATOR_HOST: live.address });
  expect(ended).toEqual(note('There are no topics in fresh.'));
});
