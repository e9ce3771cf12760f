import { beforeAll, expect, test } from 'vitest';
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
