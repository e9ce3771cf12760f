import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';

const live = useLiveServer();
const program = join(import.meta.dirname, '..', '..', 'scripts', 'conformance.ts');

test('a run of the conformance cases tells how far it is, and how long it may take', async () => {
  const endpoint = new URL(live.url).host;
  const argv = [program, '--endpoint', endpoint, 'get-topic'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv);
  expect(stderr.split('\n').filter((line) => / files? of cases|begun|done/.test(line))).toEqual([
    expect.stringContaining('a whole run can take many minutes'),
    '1 of 1 begun: get-topic.test.ts',
    '1 of 1 done: get-topic.test.ts',
  ]);
  expect(stdout).toMatch(/^\n127\.0\.0\.1:\d+: \d+ cases as they should be, 0 different, /);
}, 180_000);
