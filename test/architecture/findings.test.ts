import { expect, test } from 'vitest';
import { isTest, literal, textOf, typescriptFiles, visit } from './sources.ts';

/** Every `reason` that stands in an object literal of the diagnosis. */
function madeReasons(): string[] {
  const reasons = new Set<string>();
  const files = typescriptFiles().filter((file) => file.startsWith('src/broker/diagnosis/'));
  for (const file of files.filter((each) => !isTest(each))) {
    visit(file, {
      Property: ({ key, value }) => {
        const reason = literal(value);
        if (key.type !== 'Identifier' || key.name !== 'reason' || reason === null) return;
        reasons.add(reason);
      },
    });
  }
  return [...reasons].toSorted();
}

test('docs/errors.md lists exactly the findings that can be told', () => {
  const section = textOf('docs/errors.md').split('\n## Findings\n')[1] ?? '';
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| (error|warning|info) \|/gm)];
  expect(rows.map(([, reason]) => reason ?? '').toSorted()).toEqual(madeReasons());
  expect(rows.length).toBeGreaterThan(10);
});
