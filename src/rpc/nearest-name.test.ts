import { expect, test } from 'vitest';
import { nearestName } from './nearest-name.ts';

const names = ['serve', 'topics', 'subscriptions', 'subscribe', 'publish', 'pull', 'top', 'help'];

test.each([
  ['topic', 'topics'],
  ['publsh', 'publish'],
  ['subcribe', 'subscribe'],
  ['subscription', 'subscriptions'],
  ['pul', 'pull'],
  ['tops', 'top'],
])('%s was meant to be %s', (word, name) => {
  expect(nearestName(word, names)).toBe(name);
});

test.each(['x', 'ls', 'publisher-of-news', ''])('"%s" is near to none', (word) => {
  expect(nearestName(word, names)).toBeUndefined();
});
