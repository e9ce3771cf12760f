import { expect, test } from 'vitest';

import type { BrowserClaims } from '../../../identity/index.ts';
import { requireGrant } from './scopes.ts';

const claims: BrowserClaims = {
  subject: 'user',
  expiresAtMs: 0,
  grants: [
    { verb: 'publish', resources: ['projects/p/topics/one'] },
    { verb: 'subscribe', resources: ['projects/p/subscriptions/mine-*', 'projects/q/*'] },
  ],
};

test.each([
  ['publish', 'projects/p/topics/one', true],
  ['publish', 'projects/p/topics/one-more', false],
  ['publish', 'projects/p/topics/on', false],
  ['subscribe', 'projects/p/topics/one', false],
  ['subscribe', 'projects/p/subscriptions/mine-1', true],
  ['subscribe', 'projects/p/subscriptions/mine', false],
  ['publish', 'projects/q/topics/t', false],
  ['subscribe', 'projects/q/topics/t', true],
] as const)('%s on %s: %s', (verb, resource, isAllowed) => {
  const ask = (): void => requireGrant(claims, verb, resource);
  if (isAllowed) expect(ask).not.toThrow();
  else expect(ask).toThrow(`The token does not allow this (resource=${resource}).`);
});

test('without a token everything is allowed, with an empty one nothing', () => {
  expect(() => requireGrant(null, 'publish', 'x')).not.toThrow();
  expect(() => requireGrant({ ...claims, grants: [] }, 'publish', 'x')).toThrow();
});
