import { expect, test } from 'vitest';

import { roleNames } from '../../src/cli/accounts/role-names.ts';
import { roleTables } from '../../src/iam/roles/roles.ts';

test('the command line knows the roles of the server, and no others', () => {
  expect(roleNames.toSorted()).toEqual([...roleTables.keys()].toSorted());
});
