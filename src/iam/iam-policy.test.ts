import { expect, test } from 'vitest';

import { policyRecordOf, type NewBinding } from './iam-policy.ts';

const role = 'roles/pubsub.publisher';

const conditional = (expression: string): NewBinding => ({
  role,
  members: ['allUsers'],
  condition: { title: 'when', expression },
});

function refusalOf(bindings: readonly NewBinding[]): string {
  try {
    policyRecordOf({ version: 3, bindings });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('equal roles are one binding, with each member once, in the order in which they were given', () => {
  const bindings = [
    { role, members: ['user:b@c.d', 'user:a@c.d'] },
    { role: 'roles/viewer', members: [] },
    { role, members: ['user:a@c.d', 'user:c@c.d'] },
  ];
  expect(policyRecordOf({ bindings })).toEqual({
    version: 1,
    bindings: [{ role, members: ['user:b@c.d', 'user:a@c.d', 'user:c@c.d'] }],
  });
});

test('what would cost everybody too much is refused before any of it is read', () => {
  // None of these would be read as a condition.
  const broken = Array.from({ length: 101 }, (_, at) => conditional(`((${at}`));
  expect(refusalOf(broken)).toBe(
    'The policy has 101 conditional role bindings, more than the limit of 100.',
  );
  const long = Array.from({ length: 20 }, () => conditional('('.repeat(1_000)));
  expect(refusalOf(long)).toBe(
    'The policy has 20000 characters of conditions, more than the limit of 16384.',
  );
  const many = Array.from({ length: 100_000 }, (_, at) => ({ role, members: [`user:${at}@b.c`] }));
  expect(refusalOf(many)).toBe('The policy has 100000 bindings, more than the limit of 1500.');
});

test('a hundred conditions of some length are taken', () => {
  const bindings = Array.from({ length: 100 }, (_, at) =>
    conditional(
      `resource.name.startsWith("projects/p/topics/${at}-") && request.time.getHours() < 8`,
    ),
  );
  expect(refusalOf(bindings)).toBe('');
});
