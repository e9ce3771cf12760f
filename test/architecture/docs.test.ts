import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/index.ts';
import { optionTable } from '../../src/config/index.ts';
import { literal, repositoryFiles, textOf, typescriptFiles, isTest, visit } from './sources.ts';

const docs = repositoryFiles().filter((file) => file.endsWith('.md'));
const scripts = (JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }).scripts;

/** Every match of the pattern's first group, once, sorted. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].toSorted();
}

test('docs/config.md shows exactly the options that are parsed', () => {
  const page = textOf('docs/config.md');
  expect(page).toContain(optionTable());
  const rows = found(page, /^\| `(--[a-z-]+)` \|/gm);
  expect(rows).toEqual(found(optionTable(), /^\| `(--[a-z-]+)` \|/gm));
});

test('docs/config.md shows exactly the commands that there are', () => {
  const rows = found(textOf('docs/config.md'), /^\| `sealpost ([a-z-]+)` \|/gm);
  expect(rows).toEqual(commands.map(({ name }) => name).toSorted());
});

describe('README', () => {
  test.each(['npm ci && npm start', 'npm ci && npm test'])('says %s', (command) => {
    expect(textOf('README.md').split('\n')).toContain(command);
  });

  test('its table leads to every page of docs', () => {
    const table = textOf('README.md').split('## Read on')[1] ?? '';
    const pages = docs.filter((file) => /^docs\/[^/]+$/.test(file)).toSorted();
    expect(found(table, /\]\((docs\/[a-z-]+\.md)\)/g)).toEqual(pages);
  });
});

test('every npm script that a page names exists', () => {
  const missing = docs.flatMap((file) =>
    found(textOf(file), /npm run ([a-z:]+)/g)
      .filter((name) => scripts[name] === undefined)
      .map((name) => `${file}: npm run ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every file of the repository that a page names exists', () => {
  const files = new Set(repositoryFiles());
  const folders = new Set(
    [...files].flatMap((file) =>
      file.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/')),
    ),
  );
  const named =
    /`((?:src|test|docs|bench|scripts|grafana|proto|bin)\/[A-Za-z0-9._/-]*[A-Za-z0-9])\/?`/g;
  const missing = docs.flatMap((page) =>
    found(textOf(page), named)
      .filter((file) => !files.has(file) && !folders.has(file))
      .map((file) => `${page}: ${file}`),
  );
  expect(missing).toEqual([]);
});

/** A reason that is passed on is found as the literal, or the head of the template, that made it. */
test('docs/errors.md lists the reasons that are thrown, and none that is not', () => {
  const thrown = new Set<string>();
  const literals = new Set<string>();
  const heads = new Set<string>();
  for (const file of typescriptFiles().filter((each) => each.startsWith('src/') && !isTest(each))) {
    visit(file, {
      Literal: (node) => void literals.add(literal(node) ?? ''),
      TemplateLiteral: ({ quasis: [head] }) => {
        if (/^[A-Z]+_$/.test(head?.value.raw ?? '')) heads.add(head?.value.raw ?? '');
      },
      NewExpression: ({ callee, arguments: args }) => {
        if (callee.type !== 'Identifier' || callee.name !== 'RpcError') return;
        const reason = literal(args[1]);
        if (reason !== null) thrown.add(reason);
      },
    });
  }
  const documented = found(textOf('docs/errors.md'), /^\| `([A-Z][A-Z0-9_]+)` \|/gm);
  expect([...thrown].filter((reason) => !documented.includes(reason)).toSorted()).toEqual([]);
  const isMade = (reason: string): boolean =>
    literals.has(reason) || [...heads].some((head) => reason.startsWith(head));
  expect(documented.filter((reason) => !isMade(reason))).toEqual([]);
});
