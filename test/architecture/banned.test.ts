import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bans, usesIn } from './banned.ts';
import { isTest, lineOf, literal, root, typescriptFiles, visit } from './sources.ts';

/** Benches and scripts measure and drive real processes: they live in real time. */
const files = typescriptFiles().filter(
  (file) =>
    (file.startsWith('src/') || file.startsWith('test/')) &&
    !file.startsWith('test/architecture/banned'),
);
const keyFolders = /^src\/(crypto|kms|envelope)\//;

describe('time, chance, settings and lines come through their ports', () => {
  test.each(files)('%s', (file) => {
    const bound = bans.filter(
      ({ home, bindsTests }) =>
        (bindsTests || !isTest(file)) && !home.some((path) => file.startsWith(path)),
    );
    const complaints = usesIn(file).flatMap(({ what, start }) => {
      const ban = bound.find((candidate) => candidate.what === what);
      return ban === undefined ? [] : [`${file}:${lineOf(file, { start })} ${what}: ${ban.why}`];
    });
    expect(complaints).toEqual([]);
  });
});

test('planted violations of every ban are caught', () => {
  const folder = join(root, 'node_modules', '.cache', 'sealpost');
  mkdirSync(folder, { recursive: true });
  const planted = bans.map(({ what }) => {
    if (what.startsWith('node:')) return `import '${what}';`;
    if (what.startsWith('random') || what === 'getRandomValues') return `crypto.${what}();`;
    if (what === 'console' || what === 'performance') return `${what}.mark();`;
    return what.endsWith(')') ? `${what};` : `${what}();`;
  });
  const file = 'node_modules/.cache/sealpost/planted.ts';
  writeFileSync(join(root, file), planted.join('\n'));
  const found = new Set(usesIn(file).map(({ what }) => what));
  expect(bans.map(({ what }) => what).filter((what) => !found.has(what))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('every cipher of node:crypto is told the length of its tag', () => {
  const complaints: string[] = [];
  for (const file of files) {
    visit(file, {
      CallExpression: (node) => {
        const { callee, arguments: args } = node;
        const name = callee.type === 'Identifier' ? callee.name : '';
        if (name !== 'createCipheriv' && name !== 'createDecipheriv') return;
        const isStreamOrBlock = /-(ecb|ctr|cbc)$/i.test(literal(args[0]) ?? '');
        if (args.length < 4 && !isStreamOrBlock) complaints.push(`${file}:${lineOf(file, node)}`);
      },
    });
  }
  expect(complaints).toEqual([]);
});

test('key bytes are exposed only inside the folders that own keys', () => {
  const complaints: string[] = [];
  for (const file of files.filter((each) => !isTest(each) && !keyFolders.test(each))) {
    visit(file, {
      CallExpression: ({ callee, start }) => {
        const name = callee.type === 'MemberExpression' ? callee.property : callee;
        if (name.type !== 'Identifier' || !/^expose[A-Z]/.test(name.name)) return;
        complaints.push(`${file}:${lineOf(file, { start })} ${name.name}`);
      },
    });
  }
  expect(complaints).toEqual([]);
});

test('key bytes never come from a pool', () => {
  const complaints = files
    .filter((file) => /^src\/(crypto|kms)\//.test(file) && !isTest(file))
    .flatMap((file) => usesIn(file).map(({ what, start }) => ({ file, what, start })))
    .filter(({ what }) => what === 'Buffer.allocUnsafe')
    .map(({ file, start }) => `${file}:${lineOf(file, { start })}`);
  expect(complaints).toEqual([]);
});
