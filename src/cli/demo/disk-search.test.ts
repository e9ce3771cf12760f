import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bytesOnDisk, filesBelow, searchFiles } from './disk-search.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealpost-search-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('finds what lies across the border of two chunks, and nothing that is not there', async () => {
  const path = join(directory, 'file');
  const bytes = Buffer.alloc(9 * 1024 * 1024, 0x2e);
  const needles = ['across the first border', 'at the very end', 'nowhere'].map((text) =>
    Buffer.from(text),
  );
  needles[0]!.copy(bytes, 4 * 1024 * 1024 - 5);
  needles[1]!.copy(bytes, bytes.length - needles[1]!.length);
  await writeFile(path, bytes);
  expect([...(await searchFiles([path], needles))]).toEqual([0, 1]);
});

test('looks into every file below the directories, and counts what they occupy', async () => {
  await mkdir(join(directory, 'a', 'b'), { recursive: true });
  await writeFile(join(directory, 'a', 'b', 'deep'), 'deep secret');
  await writeFile(join(directory, 'flat'), Buffer.alloc(100_000, 1));
  const paths = await filesBelow([directory, join(directory, 'absent')]);
  expect(paths.length).toBe(2);
  expect(await searchFiles(paths, [Buffer.from('secret')])).toEqual(new Set([0]));
  expect(await bytesOnDisk([directory])).toBeGreaterThanOrEqual(100_000);
});
