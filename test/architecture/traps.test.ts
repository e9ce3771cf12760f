import { expect, test } from 'vitest';

import { isTest, repositoryFiles, textOf } from './sources.ts';

const isTrap = (file: string): boolean => /['"`]trap: /.test(textOf(file));

test('docs/pubsub.md shows the traps of Pub/Sub, each with the files of its tests, and no other file has any', () => {
  const section = textOf('docs/pubsub.md').split('\n## Traps\n')[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => /^\| (?!trap \||---)/.test(line));
  expect(rows).toHaveLength(25);
  const named = rows.map((row) =>
    [...row.matchAll(/`([a-z][\w/-]*\.test\.ts)`/g)].map(([, file = '']) => file),
  );
  for (const files of named) expect(files).not.toEqual([]);
  const trapping = repositoryFiles().filter(
    (file) => isTest(file) && !file.startsWith('test/architecture/') && isTrap(file),
  );
  expect([...new Set(named.flat())].toSorted()).toEqual(trapping.toSorted());
});
