import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath, platform } from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDirectory } from './directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-directory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a directory is made with those above it, and one that is there is left alone', () => {
  const path = join(folder, 'a', 'b');
  makeDirectory(path, 0o700);
  makeDirectory(path, 0o755);
  expect(statSync(path).mode & 0o777).toBe(platform === 'win32' ? 0o666 : 0o700);
});

test('a file in the way is an error', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeDirectory(join(folder, 'file'), 0o700)).toThrow('EEXIST');
  expect(() => makeDirectory(join(folder, 'file', 'a'), 0o700)).toThrow();
});

test.skipIf(platform !== 'linux')(
  'a file system without mkdir is an error, not a wait',
  () => {
    const program = `
    const { lockDataDir } = await import(process.argv[1]);
    await lockDataDir('/proc/sealpost/data', 'test').catch((error) => console.log(error.message));
  `;
    const door = new URL('./data-dir-lock.ts', import.meta.url).href;
    // A process of its own, as one that spins hears no signal but SIGKILL.
    const { stdout } = spawnSync(execPath, ['--input-type=module', '-e', program, door], {
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    expect(stdout).toMatch(/^The data directory \/proc\/sealpost\/data cannot be locked: ENOENT/);
  },
  30_000,
);
