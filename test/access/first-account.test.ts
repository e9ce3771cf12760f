import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { CliProcess, runCli } from '../support/cli-process.ts';
import { LiveServer } from '../support/live-server.ts';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

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

const createIn = async (dataDir: string, ...more: readonly string[]): Promise<Ended> => {
  const words = ['accounts', 'create', 'operator', '--project', 'first-project', ...more];
  const cli = new CliProcess([...words, '--data-dir', dataDir], {});
  return await cli.ended;
};

const create = (...more: readonly string[]): Promise<Ended> => createIn(server.dataDir, ...more);

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

test('the first account may come before the first start, and its server lets it in', async () => {
  const dataDir = join(folder.path, 'new', 'data');
  const out = join(folder.path, 'first.json');
  const made = await createIn(dataDir, '--out', out);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('keep a copy apart') });
  expect(made.stdout).toContain(`Made the data directory ${dataDir}`);
  const email = 'operator@first-project.iam.gserviceaccount.com';
  expect(made.stdout).toContain(
    `Next: sealpost serve --data-dir ${dataDir} --authentication required --admin serviceAccount:${email}`,
  );
  const again = await createIn(dataDir, '--out', join(folder.path, 'second.json'));
  expect(again.stdout).toContain(`${email} exists: a further key of it was made.`);
  expect(again.stdout).not.toContain('Made the data directory');
  const asked = ['--authentication', 'required', '--admin', `serviceAccount:${email}`];
  const serving = new SealpostProcess(['serve', '--port', '0', '--data-dir', dataDir, ...asked]);
  onTestFinished(async () => void (await serving.stop()));
  const url = await serving.url();
  for (const file of [out, join(folder.path, 'second.json')]) {
    const call = ['topics', 'list', '--project', 'any-project', '--server', url];
    expect(await runCli([...call, '--credentials', file])).toMatchObject({ code: 0 });
  }
});

test('an account is told where its server will be by the options of the server', async () => {
  const dataDir = join(folder.path, 'named', 'data');
  const out = join(folder.path, 'named.json');
  const where = ['--host', '0.0.0.0', '--public-host', 'pubsub.example.com', '--insecure'];
  expect(await createIn(dataDir, ...where, '--out', out)).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
    token_uri: 'http://pubsub.example.com:8085/token',
  });
});
