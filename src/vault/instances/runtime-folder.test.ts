import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { RuntimeFolder } from './runtime-folder.ts';

const memory = '/dev/shm';
const why = existsSync(memory) ? '' : ' (skipped: /dev/shm is not here)';

describe.skipIf(why !== '')('a runtime folder in memory', () => {
  let parent = '';

  beforeEach(() => {
    parent = mkdtempSync(join(memory, 'sealpost-test-'));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  test(`that was made goes when it is released${why}`, async () => {
    const path = join(parent, 'own');
    const folder = RuntimeFolder.open(path, new SeededEntropy(1));
    await folder.makeTreeFolder('a', null);
    mkdirSync(join(path, 'bwrap'));
    await folder.release();
    expect(existsSync(path)).toBe(false);
  });

  test(`that was there stays, without anything of ours${why}`, async () => {
    const folder = RuntimeFolder.open(parent, new SeededEntropy(1));
    await folder.release();
    expect(readdirSync(parent)).toEqual([]);
  });

  test(`keeps what is not ours${why}`, async () => {
    const path = join(parent, 'own');
    const folder = RuntimeFolder.open(path, new SeededEntropy(1));
    mkdirSync(join(path, 'bwrap'));
    writeFileSync(join(path, 'bwrap', 'record.json'), '{}');
    await folder.release();
    expect(readdirSync(path)).toEqual(['bwrap']);
  });
});
