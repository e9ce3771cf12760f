import { expect, test } from 'vitest';

import { Closers } from './closers.ts';

test('what was opened last is closed first, once', async () => {
  const done: string[] = [];
  const closers = new Closers();
  closers.add(() => void done.push('first'));
  closers.add(async () => {
    await Promise.resolve();
    done.push('second');
  });
  await closers.run();
  await closers.run();
  expect(done).toEqual(['second', 'first']);
});

test('a step that fails stops no other, and the first failure is told', async () => {
  const done: string[] = [];
  const closers = new Closers();
  closers.add(() => void done.push('keys wiped'));
  closers.add(() => {
    throw new Error('later');
  });
  closers.add(() => Promise.reject(new Error('earlier')));
  await expect(closers.run()).rejects.toThrow('earlier');
  expect(done).toEqual(['keys wiped']);
});
