import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { runCli, type CliEnded } from '../support/cli-process.ts';
import { useLiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const live = useLiveServer();
const folder = temporaryFolder();
afterAll(() => folder.remove());

const cli = (line: string): Promise<CliEnded> =>
  runCli(line.split(' '), { SEALPOST_SERVER: live.url, SEALPOST_PROJECT: 'staffed' });

async function rolesOn(resource: string): Promise<string[]> {
  const answer = await fetch(`${live.url}/v1/${resource}:getIamPolicy`, { method: 'POST' });
  const { bindings = [] } = (await answer.json()) as { bindings?: { role: string }[] };
  return bindings.map(({ role }) => role);
}

test('a role that there is not is refused before anything is made', async () => {
  const out = join(folder.path, 'sender.json');
  const line = `accounts create sender --role roles/pubsub.publishr --out ${out}`;
  expect(await cli(line)).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'sealpost accounts create: There is no role "roles/pubsub.publishr". ' +
      'Did you mean roles/pubsub.publisher?\n',
  });
  expect(existsSync(out)).toBe(false);
  expect((await cli('accounts list')).stdout).not.toContain('sender@');
});

test('roles about the server are bound on the server, and all others on the project', async () => {
  const roles = '--role roles/sealpost.viewer --role roles/pubsub.viewer';
  expect(await cli(`accounts create watcher ${roles}`)).toMatchObject({ code: 0 });
  expect(await rolesOn('projects/staffed')).toEqual(['roles/pubsub.viewer']);
  expect(await rolesOn('organizations/sealpost')).toEqual(['roles/sealpost.viewer']);
});
