import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath, pid } from 'node:process';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir } from './index.ts';

let directory: string;
let holder: ChildProcess | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealpost-lock-'));
});
afterEach(async () => {
  await endHolder('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const program = `
  const { lockDataDir } = await import(process.argv[1]);
  const lock = await lockDataDir(process.argv[2], 'starting');
  lock.describe('http://127.0.0.1:8085');
  console.log('locked');
  process.stdin.resume();
`;

/** Another process that holds the lock. */
async function startHolder(): Promise<number> {
  const door = new URL('./data-dir-lock.ts', import.meta.url).href;
  const args = ['--input-type=module', '-e', program, door, directory];
  holder = spawn(execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(holder.stdout!), 'line')) as [string];
  expect(line).toBe('locked');
  return holder.pid!;
}

async function endHolder(signal: NodeJS.Signals): Promise<void> {
  const child = holder;
  holder = null;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

test('a second process is refused, and told the pid and URL of the first', async () => {
  const owner = await startHolder();
  const refusal = lockDataDir(directory, 'second');
  await expect(refusal).rejects.toMatchObject({ name: 'StorageError', fault: 'inUse' });
  await expect(refusal).rejects.toThrow(`process ${owner} (http://127.0.0.1:8085)`);
});

test('the lock of a killed process is free at once', async () => {
  await startHolder();
  await endHolder('SIGKILL');
  const lock = await lockDataDir(directory, 'next');
  lock.release();
});

test('the same process cannot take it twice, and can after a release', async () => {
  const first = await lockDataDir(directory, 'first');
  await expect(lockDataDir(directory, 'second')).rejects.toThrow(`process ${pid} (first)`);
  first.release();
  const second = await lockDataDir(directory, 'second');
  second.release();
});
