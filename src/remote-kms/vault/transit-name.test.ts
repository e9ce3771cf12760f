import fc from 'fast-check';
import { expect, test } from 'vitest';

import { transitKeyOf, versionIn } from './transit-name.ts';

const nameOf = (project: string, location: string, ring: string, key: string): string =>
  `projects/${project}/locations/${location}/keyRings/${ring}/cryptoKeys/${key}`;

test('the four parts, joined by dots', () => {
  expect(transitKeyOf(nameOf('my-project', 'global', 'r_1', 'Key-2'))).toBe(
    'my-project.global.r_1.Key-2',
  );
});

test.each([
  nameOf('example.com:p', 'global', 'r', 'k'),
  nameOf('a.b', 'global', 'r', 'k'),
  nameOf('p', 'global', 'r', 'k-'),
  nameOf('-p', 'global', 'r', 'k'),
  `${nameOf('p', 'global', 'r', 'k')}/cryptoKeyVersions/1`,
  nameOf('p', 'global', 'r', '../../sys/seal'),
  '',
])('%s has none', (name) => {
  expect(() => transitKeyOf(name)).toThrow('has no name in a transit engine');
});

test('no two keys share one', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_-]{0,6}[A-Za-z0-9_])?$/);
  const parts = fc.tuple(id, fc.stringMatching(/^[a-z0-9-]{1,6}$/), id, id);
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const isSame = JSON.stringify(a) === JSON.stringify(b);
      expect(transitKeyOf(nameOf(...a)) === transitKeyOf(nameOf(...b))).toBe(isSame);
    }),
  );
});

test.each([
  ['vault:v1:AAAA', 1],
  ['vault:v12:AA==', 12],
  ['vault:v0:AAAA', null],
  ['vault:v1:', null],
  ['vault:v1:AA"A', null],
  ['v1:AAAA', null],
])('the version in %s is %s', (ciphertext, version) => {
  expect(versionIn(ciphertext)).toBe(version);
});
