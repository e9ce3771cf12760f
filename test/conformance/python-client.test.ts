import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { useLiveServer } from '../support/live-server.ts';

const program = 'python3';
const hasPython = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const live = useLiveServer();
const script = join(import.meta.dirname, '..', 'clients', 'smoke.py');

const name = hasPython
  ? 'a program in Python, with its standard library alone, publishes, pulls and acknowledges'
  : 'a program in Python publishes and pulls (skipped: python3 is not installed)';

test.skipIf(!hasPython)(name, async () => {
  const { stdout } = await promisify(execFile)(program, [script, live.url, '250']);
  expect(JSON.parse(stdout)).toEqual({
    ids: 250,
    isWhole: true,
    left: {},
    afterDelete: { status: 'NOT_FOUND', message: 'Resource not found (resource=smoke%sub).' },
  });
});
