import { expect, test } from 'vitest';

import { accessRules, permissionsPage } from '../../src/iam/index.ts';
import { textOf } from './sources.ts';

const page = textOf('docs/permissions.md');

test('docs/permissions.md ends with the table that decides, and says nothing else of it', () => {
  expect(page.slice(page.indexOf('## Methods'))).toBe(permissionsPage());
  expect(accessRules.length).toBeGreaterThan(150);
});
