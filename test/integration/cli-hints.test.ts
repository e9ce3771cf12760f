import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/servers/program.ts';
import { CliProcess, runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const variables = (): Record<string, string> => ({
  SEALPOST_SERVER: live.url,
  SEALPOST_PROJECT: 'hints',
});
const cli = (line: string, input = ''): Promise<CliEnded> =>
  runCli(line.split(' '), { ...variables(), input });

/** Nobody listens there; what is sent is not of interest here. */
const endpoint = 'http://127.0.0.1:1/hook';

beforeAll(async () => {
  await cli('topics create orders');
  await cli('subscriptions create kitchen --topic orders');
  await cli(`subscriptions create hook --topic orders --push-endpoint ${endpoint}`);
});

test.each(['subscribe', 'pull'])('%s of a push subscription says who gets it', async (command) => {
  expect(await cli(`${command} hook`)).toEqual({
    code: 5,
    stdout: '',
    stderr:
      `sealpost ${command}: FAILED_PRECONDITION: hook pushes to ${endpoint}. ` +
      'To receive it here: sealpost subscriptions modify-push-config hook --clear\n',
  });
});

test('subscribe ends when its subscription is pushed from now on', async () => {
  await cli('subscriptions create moved --topic orders');
  const reader = new CliProcess(['subscribe', 'moved'], variables());
  await reader.said('stderr', /Listening/);
  await cli(`subscriptions modify-push-config moved --push-endpoint ${endpoint}`);
  const { code, stderr } = await reader.ended;
  expect(code).toBe(5);
  expect(stderr).toContain(`moved pushes to ${endpoint}.`);
});

test('doctor calls push to an address that is never called an error, and says what to do', async () => {
  await cli('topics create far');
  await cli('subscriptions create far --topic far --push-endpoint http://169.254.169.254/meta');
  await cli('publish far news');
  let ended = await cli('doctor far');
  // The request is made when the message is durable, and some time later it is refused.
  while (ended.code === 0) ended = await cli('doctor far');
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/error +PUSH_ADDRESS_REFUSED: .* may not be called: /);
  expect(ended.stdout).toContain(
    'Try: sealpost subscriptions modify-push-config far --push-endpoint URL',
  );
});

test('doctor advises no --outgoing-allow for an endpoint that is the server itself', async () => {
  await cli('topics create loop');
  await cli(`subscriptions create loop --topic loop --push-endpoint ${live.url}/loop`);
  await cli('publish loop news');
  let ended = await cli('doctor loop');
  while (ended.code === 0) ended = await cli('doctor loop');
  expect(ended.stdout).toMatch(/PUSH_ADDRESS_REFUSED: .*our own listener/);
  expect(ended.stdout).not.toContain('--outgoing-allow');
});

test('doctor says of a detached subscription what it is, and looks at the others too', async () => {
  const detached = { ...variables(), SEALPOST_PROJECT: 'detached' };
  const there = (line: string): Promise<CliEnded> => runCli(line.split(' '), detached);
  await there('topics create orders');
  await there('subscriptions create kitchen --topic orders');
  await there('subscriptions create waiter --topic orders');
  await there('subscriptions detach kitchen');
  const one = await there('doctor kitchen');
  expect([one.code, one.stderr]).toEqual([0, '']);
  expect(one.stdout).toContain('detached from its topic.\n  warning  SUBSCRIPTION_DETACHED: ');
  expect(one.stdout).toContain('Try: sealpost subscriptions delete kitchen, then: ');
  const all = await there('doctor --all');
  expect([all.code, all.stderr]).toEqual([0, '']);
  expect(all.stdout).toMatch(/SUBSCRIPTION_DETACHED: .*CAUGHT_UP: .*0 errors, 1 warning/s);
});

test('publish says at once that the server is away, and for how long it tries', async () => {
  const gone = { ...variables(), SEALPOST_SERVER: `http://127.0.0.1:${await freePort()}` };
  const publisher = new CliProcess(['publish', 'orders', 'tea'], gone);
  await publisher.said('stderr', /refuses connections\. Trying again for 60 s; Ctrl-C gives up/);
  publisher.child.kill('SIGINT');
  expect((await publisher.ended).code).toBe(6);
});

test('publish to an address that can never answer fails at once', async () => {
  const { code, stderr } = await cli(`publish orders tea --server http://127.0.0.1:22`);
  expect(code).toBe(6);
  expect(stderr).not.toContain('Trying again');
  const tls = await cli(`publish orders tea --server ${live.url.replace('http', 'https')}`);
  expect([tls.code, tls.stderr]).toEqual([6, expect.stringContaining('speaks no TLS')]);
});

test('a message without anything is refused before anybody is asked', async () => {
  const ended = await runCli(['publish', 'orders', ''], variables());
  expect(ended).toEqual({
    code: 2,
    stdout: '',
    stderr: 'sealpost publish: A message needs data, or an attribute: --attribute NAME=VALUE.\n',
  });
});

test.each([
  ['topic list', 'Unknown command topic. Did you mean topics? See sealpost help.\n'],
  ['help publsh', 'Unknown command publsh. Did you mean publish? See sealpost help.\n'],
  ['qqq', 'Unknown command qqq. See sealpost help.\n'],
])('sealpost %s is a typing mistake', async (line, stderr) => {
  expect(await cli(line)).toEqual({ code: 2, stdout: '', stderr });
});

test.each([
  ['topics describe nowhere', 'sealpost topics list'],
  ['pull nowhere', 'sealpost subscriptions list'],
  ['subscribe nowhere', 'sealpost subscriptions list'],
  ['subscriptions create new --topic nowhere', 'sealpost topics list'],
  ['keys list nowhere', 'sealpost keys rings list'],
  ['keys describe no/where', 'sealpost keys list'],
])('%s says how to look for what is missing', async (line, list) => {
  const { code, stderr } = await cli(line);
  expect([code, stderr]).toEqual([3, expect.stringContaining(`Look for it with: ${list}\n`)]);
});

test('a dead letter topic that is missing is created next', async () => {
  const ended = await cli('subscriptions create failing --topic orders --dead-letter-topic nope');
  expect([ended.code, ended.stderr]).toEqual([
    3,
    expect.stringMatching(/ topics list\nNext: sealpost topics create nope\n$/),
  ]);
  const changed = await cli('subscriptions update kitchen --dead-letter-topic nope');
  expect(changed.stderr).toContain('\nNext: sealpost topics create nope\n');
});

test('exactly-once delivery and push do not go together, and one of the two is dropped', async () => {
  const both = `--enable-exactly-once-delivery --push-endpoint ${endpoint}`;
  const { code, stderr } = await cli(`subscriptions create both --topic orders ${both}`);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('Drop one of the two: exactly-once delivery, or the push endpoint.\n'),
  ]);
});

test('one message is spoken of as one', async () => {
  await cli('topics create single');
  await cli('subscriptions create single --topic single');
  await cli('publish single tea');
  const { stderr } = await cli('pull single');
  expect(stderr).toBe('1 message, not acknowledged: it comes again. --ack changes that.\n');
});
