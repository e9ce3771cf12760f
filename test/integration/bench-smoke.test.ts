import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const run = promisify(execFile);

const subjects = [
  ['publish-one', 'sealpost gRPC'],
  ['publish-one', 'sealpost REST'],
  ['publish-batch', 'sealpost gRPC'],
  ['publish-batch', 'sealpost REST'],
  ['drain', 'sealpost stream acks'],
  ['drain', 'sealpost unary acks'],
  ['websocket-one', 'sealpost proto'],
  ['websocket-one', 'sealpost json'],
  ['websocket-batch', 'sealpost proto'],
  ['websocket-batch', 'sealpost json'],
  ['websocket-drain', 'sealpost proto'],
  ['websocket-drain', 'sealpost json'],
  ['websocket-fanout', 'sealpost proto, 60 connections'],
  ['push', 'sealpost'],
  ['latency', 'sealpost gRPC'],
  ['latency', 'durable put'],
  ['ready', 'sealpost'],
  ['disk', 'sealpost'],
] as const;

test('the bench measures every scenario against a real server, without a failed request', async () => {
  const { stdout } = await run(process.execPath, [entry, '--smoke'], { timeout: 110_000 });
  const rows = stdout.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  for (const [scenario, subject] of subjects) {
    const row = rows.find((cells) => cells[1] === scenario && cells[2] === subject);
    expect(Number(row?.[3]), `${scenario} ${subject}`).toBeGreaterThan(0);
  }
  expect(stdout).not.toContain('verdict |');
}, 120_000);

test('the bench refuses a scenario that there is not, and names it', async () => {
  const failed = run(process.execPath, [entry, 'publish-two']);
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no scenario publish-two.') as string,
  });
});

test('the curves are measured against a real server, and drawn as a table', async () => {
  const flat = fileURLToPath(new URL('../../bench/flat/main.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [flat, '--smoke', 'keys', 'features'], {
    timeout: 110_000,
  });
  for (const label of ['200', 'plain', 'ordering', 'filter', 'exactly once', 'all three']) {
    const row = stdout.split('\n').find((line) => line.startsWith(`| ${label} |`));
    expect(row, label).toMatch(/\| [1-9][\d.k]* \| [1-9][\d.k]* \|/);
  }
}, 120_000);

const load = fileURLToPath(new URL('../../bench/load-test.ts', import.meta.url));

test('the load scripts list their options when asked', async () => {
  const { stdout } = await run(process.execPath, [load, 'publish', '--help']);
  expect(stdout).toMatch(/--server URL[^]*--seconds N[^]*--connections N/);
});

test.each([
  [['publish', '--second', '3'], "Unknown option '--second'"],
  [['publihs'], 'There is no scenario publihs.'],
  [['get', '--seconds', '0'], '--seconds takes a whole number from 1 to 60, not 0.'],
  [['get', '--server', 'here'], '--server takes a URL, not here.'],
])('the load script refuses %j and says how it is used', async (argv, reason) => {
  const failed = run(process.execPath, [load, ...argv]);
  await expect(failed).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^[^\n]+\n\nUsage: npm run load:/) as string,
  });
  await expect(failed).rejects.toThrow(reason);
});
