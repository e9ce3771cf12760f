import { expect, test } from 'vitest';

import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const cli = (line: string): Promise<CliEnded> =>
  runCli(line.split(' '), { SEALPOST_SERVER: live.url, SEALPOST_PROJECT: 'shop' });

async function done(line: string): Promise<string> {
  const { code, stdout, stderr } = await cli(line);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

test('sealpost keys shows what depends on a key, moves it, and lists what was erased', async () => {
  await done('keys rings create cafe');
  await done('keys create cafe/orders');
  await done('keys grant cafe/orders');
  await done('topics create orders --key cafe/orders');
  expect(await cli('keys usage cafe/orders')).toMatchObject({
    stderr: expect.stringContaining('Nothing that is stored depends on'),
  });
  await done('publish orders latte');

  const [titles, row, topic] = (await done('keys usage cafe/orders')).split('\n');
  expect(titles).toMatch(
    /^VERSION {2}STATE +DEKS +SPARE +MESSAGES +BYTES +TOPICS {2}LATEST EXPIRY$/,
  );
  expect(row).toMatch(/^1 +ENABLED +1 +0 +1 +\d+ +1 +\d{4}-/);
  expect(topic).toBe('version 1: projects/shop/topics/orders: 1 message');

  await done('keys versions create cafe/orders');
  await done('keys versions primary cafe/orders 2');
  expect(await done('keys rewrap cafe/orders')).toBe(
    'Rewrap of cafe/orders: done; 1 moved, 0 refused, 1 of 1 done.\n',
  );
  expect(await done('keys rewrap cafe/orders --status')).toContain('done; 1 moved');
  const usage = await done('keys usage cafe/orders --version 2 --json');
  expect(JSON.parse(usage)).toMatchObject({
    versions: [{ dekCount: 1, messageCount: 1, state: 'ENABLED' }],
  });

  await done('topics delete orders');
  let receipts: object[] = [];
  while (receipts.length === 0) {
    receipts = JSON.parse(await done('keys receipts --topic orders --json')) as object[];
  }
  expect(receipts).toMatchObject([
    { topic: 'projects/shop/topics/orders', sealedMessageCount: 1, scope: expect.any(String) },
  ]);
  expect(await done('keys receipts')).toMatch(/^ERASED .*\n\d{4}-\S+ +orders +1 +\S+\/2 +1 /);
}, 120_000);

test('a rewrap that nobody started has no progress, and a name that fits no key is refused', async () => {
  await done('keys create cafe/paid');
  expect(await cli('keys rewrap cafe/paid --status')).toMatchObject({
    stderr: expect.stringContaining('No rewrap of'),
  });
  expect((await cli('keys usage cafe/paid --version x')).code).not.toBe(0);
});

test.each([
  ['keys usage nope/nope', 'CryptoKey projects/shop/locations/global/keyRings/nope'],
  ['keys usage cafe/paid --version 9', 'CryptoKeyVersion projects/shop/'],
  ['keys rewrap nope/nope', 'CryptoKey projects/shop/'],
  ['keys rewrap cafe/paid --from 9', 'CryptoKeyVersion projects/shop/'],
  ['keys rewrap cafe/paid --to-key nope/nope', 'CryptoKey projects/shop/'],
])('sealpost %s: what does not exist is not found', async (line, named) => {
  const { code, stdout, stderr } = await cli(line);
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toContain(`NOT_FOUND: ${named}`);
});

test('a version that messages need is destroyed by force alone, restored and enabled', async () => {
  await done('keys create cafe/short');
  await done('keys grant cafe/short');
  await done('topics create short --key cafe/short');
  await done('publish short latte');
  const refused = await cli('keys versions destroy cafe/short 1');
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('/cryptoKeyVersions/1 is in use: ');
  expect(refused.stderr).toContain('/cryptoKeys/short --from 1, once another version is primary');
  expect(await done('keys versions destroy cafe/short 1 --force')).toMatch(
    /^Version 1 of cafe\/short will be destroyed at \d{4}-.*\nUndo until then: sealpost keys versions restore cafe\/short 1\n$/,
  );
  const doctor = await cli('doctor short');
  expect(doctor.stdout).toContain(
    'Try: sealpost keys versions restore cafe/short 1, then: sealpost keys versions enable cafe/short 1\n',
  );
  const enabled = await cli('keys versions enable cafe/short 1');
  expect([enabled.code, enabled.stderr]).toEqual([
    5,
    expect.stringMatching(/Try: sealpost keys versions restore \S+ 1, then: /),
  ]);
  expect(await done('keys versions restore cafe/short 1')).toContain('it is DISABLED.');
  expect(await done('keys versions enable cafe/short 1')).toContain('work again');
  expect(await done('publish short mocha')).toContain('Published 1 message');
}, 120_000);

test('doctor names an older version that the next message needs, and what to do', async () => {
  await done('keys create cafe/aged');
  await done('keys create cafe/fresh');
  await done('keys grant cafe/aged');
  await done('keys grant cafe/fresh');
  await done('topics create aged --key cafe/aged');
  await done('subscriptions create aged-sub --topic aged');
  await done('publish aged latte');
  await done('topics update aged --key cafe/fresh');
  await done('publish aged mocha');
  await done('keys versions disable cafe/aged 1');
  const { code, stdout } = await cli('doctor aged-sub');
  expect(code).toBe(1);
  expect(stdout).toContain('key cafe/fresh works for what is new alone');
  expect(stdout).toMatch(/error {4}KEY_UNUSABLE: .*cafe\/cryptoKeys\/aged.*DISABLED/);
  expect(stdout).toContain('Try: sealpost keys versions enable cafe/aged 1\n');
  await done('keys versions enable cafe/aged 1');
  expect((await cli('doctor aged-sub')).code).toBe(0);
}, 120_000);
