import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { jsonSchema, type JsonObject } from '../../src/declarative/index.ts';
import { DeclarativeBench, restApi } from '../support/declarative-bench.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const bench = new DeclarativeBench(() => live.url);
const api = restApi(() => live.url);
afterAll(() => bench.remove());

const get = (path: string): Promise<JsonObject> => api({ method: 'GET', path });
const statusOf = (path: string): Promise<string> =>
  get(path).then(
    () => 'OK',
    (error: { code: string }) => error.code,
  );

describe('apply', () => {
  const text = `
projects:
  shop:
    keyRings:
      cafe:
        keys:
          orders:
            rotationPeriod: 7776000s
            iam:
              bindings:
                - {role: roles/cloudkms.cryptoKeyEncrypterDecrypter, members: ["serviceAgent:pubsub"]}
    topics:
      orders: {kmsKeyName: cafe/orders, labels: {team: kitchen}}
      dead:
    subscriptions:
      kitchen:
        topic: orders
        filter: attributes:urgent
        enableExactlyOnceDelivery: true
        deadLetterPolicy: {deadLetterTopic: dead}
        expirationPolicy: {}
`;

  test('makes what is not there, in an order in which it can be made', async () => {
    const dry = await bench.apply(text, '--dry-run', '--exit-code');
    expect([dry.code, dry.stderr]).toEqual([1, '']);
    expect(dry.stdout.split('\n').filter((line) => /^[+~-]/.test(line))).toEqual([
      '+ key ring projects/shop/locations/global/keyRings/cafe',
      '+ key projects/shop/locations/global/keyRings/cafe/cryptoKeys/orders',
      '~ policy projects/shop/locations/global/keyRings/cafe/cryptoKeys/orders',
      '+ topic projects/shop/topics/orders',
      '+ topic projects/shop/topics/dead',
      '+ subscription projects/shop/subscriptions/kitchen',
    ]);
    expect(dry.stdout).toContain('5 to create, 1 to update, 0 to delete.\n');
    expect(await statusOf('projects/shop/topics/orders')).toBe('NOT_FOUND');
    const { code, stdout } = await bench.apply(text);
    expect([code, stdout.split('\n').at(-2)]).toEqual([0, 'Done: 6 steps.']);
    expect(await get('projects/shop/subscriptions/kitchen')).toMatchObject({
      topic: 'projects/shop/topics/orders',
      ackDeadlineSeconds: 60,
      expirationPolicy: {},
      deadLetterPolicy: { deadLetterTopic: 'projects/shop/topics/dead', maxDeliveryAttempts: 5 },
    });
    const body = { messages: [{ data: 'dGVh', attributes: { urgent: '' } }] };
    await api({ method: 'POST', path: 'projects/shop/topics/orders:publish', body });
  });

  test('has nothing to do the second time', async () => {
    expect(await bench.apply(text)).toEqual({ code: 0, stdout: 'Nothing to do.\n', stderr: '' });
    const { code, stdout } = await bench.apply(text, '--dry-run', '--exit-code', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { steps: [], counts: { create: 0, update: 0, delete: 0 } },
    ]);
  });

  test('changes what differs and nothing else', async () => {
    const changed = text
      .replace('team: kitchen', 'team: bar')
      .replace('expirationPolicy: {}', 'ackDeadlineSeconds: 30')
      .replace('7776000s', '2592000s');
    const dry = await bench.apply(changed, '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({
      steps: [
        { kind: 'key', changes: [{ field: 'rotationPeriod', from: '7776000s', to: '2592000s' }] },
        {
          kind: 'topic',
          changes: [{ field: 'labels', from: { team: 'kitchen' }, to: { team: 'bar' } }],
        },
        {
          kind: 'subscription',
          changes: [
            { field: 'ackDeadlineSeconds', from: 60, to: 30 },
            { field: 'expirationPolicy', from: {}, to: { ttl: '2678400s' } },
          ],
        },
      ],
      counts: { create: 0, update: 3, delete: 0 },
    });
    expect((await bench.apply(changed)).code).toBe(0);
    expect((await bench.apply(changed)).stdout).toBe('Nothing to do.\n');
    expect(await get('projects/shop/topics/orders')).toMatchObject({
      labels: { team: 'bar' },
      kmsKeyName: 'projects/shop/locations/global/keyRings/cafe/cryptoKeys/orders',
    });
    expect((await bench.apply(text)).code).toBe(0);
  });

  test('names the lines of what cannot be changed, and changes nothing then', async () => {
    const changed = text
      .replace('attributes:urgent', 'attributes:calm')
      .replace('team: kitchen', 'team: bar');
    const { code, stdout, stderr } = await bench.apply(changed);
    const file = bench.path('sealpost.yaml');
    expect([code, stdout]).toEqual([2, '']);
    const line = changed.split('\n').findIndex((each) => each.includes('filter:')) + 1;
    expect(stderr).toBe(
      `${file}:${line}:17: projects.shop.subscriptions.kitchen.filter: cannot be changed: it is "attributes:urgent", not "attributes:calm"\n` +
        `sealpost apply: 1 problem in ${file}. Nothing was changed.\n`,
    );
    expect(await get('projects/shop/topics/orders')).toMatchObject({ labels: { team: 'kitchen' } });
  });

  test('names the lines of names of nothing', async () => {
    const { code, stderr } = await bench.apply(
      'projects: {shop: {subscriptions: {lost: {topic: nowhere}}}}',
    );
    expect(code).toBe(2);
    expect(stderr).toContain(
      'sealpost.yaml:1:49: projects.shop.subscriptions.lost.topic: names projects/shop/topics/nowhere, which is neither here nor on the server\n',
    );
    const named = await bench.apply('projects: {shop: {subscriptions: {found: {topic: dead}}}}');
    expect([named.code, named.stderr]).toEqual([0, '']);
  });

  test('finds all that can be known before the first step, and makes nothing then', async () => {
    const wrong = `projects:
  wrong:
    accounts:
      cashier: {roles: [roles/pubsub.publsher]}
    iam:
      bindings:
        - {role: roles/pubsub.viewer, members: ["serviceAccount:nobody-here", "serviceAccount:cashier"]}
        - role: roles/pubsub.viewer
          members: [allUsers]
          condition: {title: odd, expression: 'resource.name.matches("a")'}
        - {role: projects/wrong/roles/own, members: [allUsers]}
    schemas:
      order: {type: AVRO, definition: '{"type": "nothing"}'}
      proto: {type: PROTOCOL_BUFFER, definition: 'message {'}
    topics:
      orders: {kmsKeyName: none/such}
      bills: {messageTransforms: [{javascriptUdf: {functionName: f, code: 'function f('}}]}
    subscriptions:
      kitchen: {topic: nowhere}
`;
    const { code, stdout, stderr } = await bench.apply(wrong, '--dry-run');
    expect([code, stdout]).toEqual([2, '']);
    const file = bench.path('sealpost.yaml');
    const lines = stderr.replaceAll(`${file}:`, '').split('\n').slice(0, -1);
    expect(lines).toEqual([
      '4:25: projects.wrong.accounts.cashier.roles.0: roles/pubsub.publsher is no role that is known here: did you mean roles/pubsub.publisher?',
      '7:49: projects.wrong.iam.bindings.0.members.0: names the account nobody-here@wrong.iam.gserviceaccount.com, which is neither here nor on the server',
      expect.stringMatching(
        /^10:47: projects\.wrong\.iam\.bindings\.1\.condition\.expression: .*matches/,
      ),
      expect.stringMatching(/^13:39: projects\.wrong\.schemas\.order\.definition: .*nothing/),
      expect.stringMatching(/^14:50: projects\.wrong\.schemas\.proto\.definition: ./),
      '16:28: projects.wrong.topics.orders.kmsKeyName: names projects/wrong/locations/global/keyRings/none/cryptoKeys/such, which is neither here nor on the server',
      expect.stringMatching(
        /^17:35: projects\.wrong\.topics\.bills\.messageTransforms\.0: SyntaxError: /,
      ),
      '19:24: projects.wrong.subscriptions.kitchen.topic: names projects/wrong/topics/nowhere, which is neither here nor on the server',
      `sealpost apply: 8 problems in ${file}. Nothing was changed.`,
    ]);
    expect((await bench.apply(wrong)).stderr).toBe(stderr);
    expect(await statusOf('projects/wrong/topics/bills')).toBe('NOT_FOUND');
  });

  test('tells of a custom role that it grants nothing here, and sets it', async () => {
    const custom =
      'projects: {shop: {iam: {bindings: [{role: projects/shop/roles/own, members: [allUsers]}]}}}';
    const { code, stderr } = await bench.apply(custom);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `warning: ${bench.path('sealpost.yaml')}:1:43: projects.shop.iam.bindings.0.role: projects/shop/roles/own is a custom role, which grants nothing here\n`,
    );
  });

  test('stops at what fails, says how far it came, and goes on from there', async () => {
    // Without a role of Pub/Sub's agent on the key.
    const failing = `
projects:
  stops:
    keyRings: {none: {keys: {such: }}}
    topics:
      first:
      second: {kmsKeyName: none/such}
      third:
`;
    const { code, stdout, stderr } = await bench.apply(failing);
    expect(code).not.toBe(0);
    expect(stdout).toContain('+ topic projects/stops/topics/first\n');
    expect(stderr).toMatch(
      /^not tried: create topic projects\/stops\/topics\/third\nsealpost apply: create topic projects\/stops\/topics\/second failed: .* 3 steps before it are done, 1 after it was not tried\. Run it again/,
    );
    expect(await statusOf('projects/stops/topics/third')).toBe('NOT_FOUND');
    const again = await bench.apply(failing.replace(' {kmsKeyName: none/such}', ''));
    expect([again.code, again.stdout]).toEqual([
      0,
      '+ topic projects/stops/topics/second\n+ topic projects/stops/topics/third\nDone: 2 steps.\n',
    ]);
  });

  test('deletes nothing but what --prune lists, and never a key', async () => {
    const before = `
projects:
  prunes:
    keyRings: {ring: {keys: {one: }}}
    topics: {kept: , gone: }
    subscriptions: {kept: {topic: kept}, gone: {topic: gone}}
`;
    const after = 'projects: {prunes: {topics: {kept: }, subscriptions: {kept: {topic: kept}}}}';
    await bench.apply(before);
    expect((await bench.apply(after)).stdout).toBe('Nothing to do.\n');
    const dry = await bench.apply(after, '--prune', '--dry-run');
    expect(dry.stdout).toBe(
      '- subscription projects/prunes/subscriptions/gone\n- topic projects/prunes/topics/gone\n0 to create, 0 to update, 2 to delete.\n',
    );
    expect((await bench.apply(after, '--prune')).code).toBe(0);
    expect(await statusOf('projects/prunes/topics/gone')).toBe('NOT_FOUND');
    expect(await statusOf('projects/prunes/topics/kept')).toBe('OK');
    expect(await statusOf('projects/prunes/locations/global/keyRings/ring/cryptoKeys/one')).toBe(
      'OK',
    );
    expect(await statusOf('projects/shop/topics/orders')).toBe('OK');
  });

  test('prints the schema, and needs a file for anything else', async () => {
    const { stdout } = await bench.cli('apply', '--schema');
    expect(JSON.parse(stdout)).toEqual(jsonSchema());
    expect((await bench.cli('apply')).stderr).toContain('A FILE is needed.');
    expect((await bench.cli('apply', 'none.yaml')).stderr).toContain('none.yaml cannot be read');
    expect((await bench.cli('apply', 'a.yaml', '--exit-code')).code).toBe(2);
  });

  test('tells every problem of a file before it asks the server for anything', async () => {
    const file = bench.write('bad.yaml', 'projects:\n  shop:\n    topcis: {}\n    topics: []\n');
    const { code, stderr } = await bench.cli('apply', file, '--server', 'http://127.0.0.1:1');
    expect([code, stderr]).toEqual([
      2,
      `${file}:3:5: projects.shop.topcis: is not known; did you mean topics?\n` +
        `${file}:4:13: projects.shop.topics: must be a mapping of names, each an id of 3 to 255 letters, digits and -_.~+% that begins with a letter, not with goog\n` +
        `sealpost apply: 2 problems in ${file}. Nothing was changed.\n`,
    ]);
  });
});

test('the example of the docs is applied, and then there is nothing to do', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'docs', 'examples');
  bench.write('upper.js', readFileSync(join(folder, 'upper.js'), 'utf8'));
  const example = readFileSync(join(folder, 'sealpost.yaml'), 'utf8');
  const first = await bench.apply(example);
  expect([first.code, first.stderr]).toEqual([0, '']);
  expect(await bench.apply(example)).toEqual({ code: 0, stdout: 'Nothing to do.\n', stderr: '' });
  expect(JSON.parse(readFileSync(bench.path('publisher.json'), 'utf8'))).toMatchObject({
    type: 'service_account',
    client_email: 'publisher@cafe.iam.gserviceaccount.com',
  });
});
