import { expect, test } from 'vitest';
import {
  budgetTable,
  closingLine,
  requireAll,
  resultOf,
  type JsonReport,
  type ProjectResult,
} from '../../scripts/test-report.ts';

const run = { project: 'unit', seconds: 2, budgetSeconds: 3, exitCode: 0 };

function report(tests: Record<string, string>, status = 'passed'): JsonReport {
  const assertionResults = Object.entries(tests).map(([fullName, each]) => ({
    fullName,
    status: each,
  }));
  return { testResults: [{ name: 'a.test.ts', status, assertionResults }] };
}

test('passed, failed and skipped tests are counted', () => {
  const result = resultOf({
    ...run,
    exitCode: 1,
    report: report({ a: 'passed', b: 'failed', c: 'skipped' }, 'failed'),
  });
  expect(result).toMatchObject({ passed: 1, failed: ['b'], skipped: ['c'] });
  expect(closingLine([result, result])).toBe('2 passed, 2 failed, 2 skipped');
});

test('a file that could not be loaded is a failure', () => {
  const result = resultOf({ ...run, exitCode: 1, report: report({}, 'failed') });
  expect(result.failed).toEqual(['a.test.ts did not run']);
});

test.each([
  ['no report', null, 0],
  ['no test', report({}), 0],
  ['an error outside of every test', report({ a: 'passed' }), 1],
])('a run with %s fails', (_what, found, exitCode) => {
  expect(resultOf({ ...run, report: found, exitCode }).failed).toHaveLength(1);
});

test('with everything required a skip fails, unless its name says which program is missing', () => {
  const excused = [
    'gcloud publishes (skipped: gcloud is not installed)',
    'it is faster (skipped: the Pub/Sub emulator is not installed)',
    'a client (skipped: Java with Maven is not installed)',
    'a topic (skipped: Vault or OpenBao is not installed)',
    'a client (skipped: the registry of Go is out of reach)',
  ];
  const refused = [
    'needs strace',
    'publishes with gcloud',
    'beats the emulator',
    'a client (skipped: python3 is not installed)',
    'a client (skipped: the broker is out of reach)',
    'a suite (skipped: gcloud is not installed) and its test',
  ];
  const skipped = [...excused, ...refused];
  const result: ProjectResult = { ...run, passed: 1, failed: [], skipped };
  const strict = requireAll(result);
  expect(strict.failed).toEqual(refused.map((name) => `skipped: ${name}`));
  expect(strict.skipped).toEqual(excused);
  expect(closingLine([strict])).toBe('1 passed, 6 failed, 5 skipped');
});

test('the table adds up and marks what took too long', () => {
  const base = { passed: 1, failed: [], skipped: [] };
  const table = budgetTable([
    { ...base, project: 'unit', seconds: 2, budgetSeconds: 3 },
    { ...base, project: 'crash', seconds: 9.96, budgetSeconds: 5 },
  ]);
  expect(table.split('\n')).toEqual([
    'project         seconds   budget',
    'unit                2.0        3',
    'crash              10.0        5  over budget',
    'all                12.0        8  over budget',
  ]);
});
