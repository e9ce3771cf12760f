import { expect, test } from 'vitest';
import { missingEntries, type LockEntries } from '../../scripts/lock-file.ts';
import { textOf } from './sources.ts';

test('the lock file has an entry for every optional dependency, so that npm ci accepts it', () => {
  const lock = JSON.parse(textOf('package-lock.json')) as { packages: LockEntries };
  // Mended by npm run lock.
  expect(missingEntries(lock.packages).map(({ path }) => path)).toEqual([]);
});

test('what is missing is written as npm would write it, beside what is there', () => {
  const bindings = { '@x/binding-linux-x64-gnu': '2.0.0', '@x/binding-darwin-arm64': '2.0.0' };
  const packages: LockEntries = {
    '': {},
    'node_modules/x': { version: '1.0.0', optionalDependencies: {} },
    // Of another version, for another parent.
    'node_modules/@x/binding-darwin-arm64': { version: '1.0.0' },
    'node_modules/y/node_modules/x': {
      version: '2.0.0',
      dev: true,
      optionalDependencies: bindings,
    },
    'node_modules/y/node_modules/@x/binding-linux-x64-gnu': { version: '2.0.0' },
  };
  expect(missingEntries(packages)).toEqual([
    {
      path: 'node_modules/y/node_modules/@x/binding-darwin-arm64',
      entry: { version: '2.0.0', dev: true, cpu: ['arm64'], os: ['darwin'], optional: true },
    },
  ]);
});
