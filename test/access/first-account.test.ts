import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { CliProcess } from '../support/cli-process.ts';
import { LiveServer } from '../support/live-server.ts';
import { temporaryFolder } from '../support/server-process.ts';

const server = new LiveServer();
const folder = temporaryFolder();

beforeAll(async () => {
  await server.start();
});

afterAll(async () => {
  await server.remove();
  folder.remove();
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const create = async (...more: readonly string[]): Promise<Ended> => {
  const words = ['accounts', 'create', 'operator', '--project', 'first-project', ...more];
  const cli = new CliProcess([...words, '--data-dir', server.dataDir], {});
  return await cli.ended;
};

test('the first account is made on the files of a stopped server, and of no other', async () => {
  const out = join(folder.path, 'operator.json');
  const early = await create('--out', out);
  expect([early.code, early.stderr.includes('accounts create failed')]).toEqual([1, false]);
  expect(() => statSync(out)).toThrow();
  await server.stop();
  const made = await create('--out', out, '--server', 'https://pubsub.example.com:8085');
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('Created operator@') });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
    client_email: 'operator@first-project.iam.gserviceaccount.com',
    token_uri: 'https://pubsub.example.com:8085/token',
  });
  const before = readFileSync(out, 'utf8');
  expect((await create('--out', out)).code).not.toBe(0);
  expect(readFileSync(out, 'utf8')).toBe(before);
});

test.each([
  ['--admin', 'needs a running server'],
  ['--role=roles/owner', 'needs a running server'],
])('%s is for a server that runs', async (flag, text) => {
  expect(await create(flag)).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
});
