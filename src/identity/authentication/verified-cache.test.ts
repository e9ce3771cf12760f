import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { Principal } from '../../iam/index.ts';
import { digestOf, VerifiedCache } from './verified-cache.ts';

const principal = (changed: Partial<Principal> = {}): Principal => ({
  member: 'user:a@example.com',
  email: 'a@example.com',
  groups: [],
  expiresAtMs: Number.POSITIVE_INFINITY,
  isValid: () => true,
  ...changed,
});

test('holds no more than it may, whatever is shown, and what is used stays', () => {
  const cache = new VerifiedCache(new VirtualClock(), 100);
  const used = digestOf('text', 'used');
  cache.keep(used, principal());
  for (let i = 0; i < 50_000; i++) {
    cache.keep(digestOf('text', `token ${i}`), principal());
    if (i % 50 === 0) expect(cache.find(used)).toBeDefined();
  }
  expect(cache.size).toBe(100);
  expect(cache.find(digestOf('text', 'token 0'))).toBeUndefined();
  expect(cache.find(digestOf('text', 'token 49999'))).toBeDefined();
});

test('forgets what is not valid any more, when it is asked for it', () => {
  const cache = new VerifiedCache(new VirtualClock(), 10);
  let isValid = true;
  cache.keep('a', principal({ isValid: () => isValid }));
  expect(cache.find('a')).toBeDefined();
  isValid = false;
  expect(cache.find('a')).toBeUndefined();
  expect(cache.size).toBe(0);
});

test('forgets what has ended by the wall, and asks for a new check after five minutes', async () => {
  const clock = new VirtualClock();
  const cache = new VerifiedCache(clock, 10);
  cache.keep('a', principal({ expiresAtMs: clock.wallMs() + 1_000 }));
  cache.keep('b', principal());
  clock.stepWall(999);
  expect(cache.find('a')).toBeDefined();
  clock.stepWall(1);
  expect(cache.find('a')).toBeUndefined();
  await clock.advance(299_999);
  expect(cache.find('b')).toBeDefined();
  await clock.advance(1);
  expect(cache.find('b')).toBeUndefined();
});

test('a text is not found by the bytes of a certificate', () => {
  expect(digestOf('text', 'abc')).not.toBe(digestOf('certificate', Buffer.from('abc')));
});
