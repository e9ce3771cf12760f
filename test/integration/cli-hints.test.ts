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
