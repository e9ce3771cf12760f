import { expect, test } from 'vitest';
import { leaves } from '../../src/cli/command/command-spec.ts';
import { helpText } from '../../src/cli/command/help-text.ts';
import { commands } from '../../src/cli/index.ts';
import { referencePage } from '../../src/cli/reference-page.ts';
import { metrics } from '../../src/cli/top/snapshot.ts';
import { tree } from '../../src/cli/tree.ts';
import { textOf } from './sources.ts';

const page = textOf('docs/cli.md');

test('docs/cli.md ends with what the commands say of themselves, and says nothing else of them', () => {
  expect(page.slice(page.indexOf('## Options of every command'))).toBe(`${referencePage()}\n`);
  const headings = [...page.matchAll(/^### sealpost (.*?)( [A-Z[].*)$/gm)].map(([, path]) => path);
  expect(headings).toEqual(leaves(tree).map(({ path }) => path.join(' ')));
});

test('the first help lists every command of the tree', () => {
  const named = commands.map(({ name }) => name);
  expect(tree.map(({ name }) => name).filter((name) => !named.includes(name))).toEqual([]);
});

test.each(leaves(tree).map(({ path, spec }) => [path.join(' '), path, spec] as const))(
  'sealpost %s has an example, a sentence for each thing, and a help that fits a terminal',
  (_, path, spec) => {
    expect(spec.load).toBeDefined();
    expect(spec.examples?.length ?? 0).toBeGreaterThan(0);
    for (const { doc } of spec.options ?? []) expect(doc).toMatch(/^[A-Z].*[.}]$/);
    expect(spec.summary).toMatch(/^[A-Z].*\.$/);
    for (const line of helpText(path, spec).split('\n')) expect(line.length).toBeLessThan(101);
  },
);

test('top reads only metrics that there are', () => {
  const documented = textOf('docs/metrics.md');
  const missing = Object.values(metrics).filter(
    (name) => !documented.includes(`\`${name.replace(/_count$/, '')}`),
  );
  expect(missing).toEqual([]);
});
